package dev.fathom.kernels.c;

import org.junit.jupiter.api.Tag;

@Tag("slow")
class Avx2BackendTest extends CContractTest {
    @Override
    CpuTarget target() {
        return CpuTarget.AVX2;
    }
}
