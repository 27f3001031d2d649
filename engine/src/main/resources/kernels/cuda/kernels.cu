// All kernels, as one program.
#include "storage.cuh"

#include "rows.cu"
#include "cache.cu"
#include "linear.cu"
#include "tensor.cu"
#include "matrix.cu"
#include "quantized.cu"
#include "attention.cu"
#include "latent_rows.cu"
#include "flash.cu"
#include "index.cu"
#include "experts.cu"
