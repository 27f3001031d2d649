package dev.fathom.kernels.c;

import org.junit.jupiter.api.Tag;

@Tag("slow")
class NeonBackendTest extends CContractTest {
    @Override
    CpuTarget target() {
        return CpuTarget.NEON;
    }
}
