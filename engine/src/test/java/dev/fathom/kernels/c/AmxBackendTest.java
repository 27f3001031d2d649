package dev.fathom.kernels.c;

import org.junit.jupiter.api.Tag;

@Tag("slow")
class AmxBackendTest extends CContractTest {
    @Override
    CpuTarget target() {
        return CpuTarget.AMX;
    }
}
