// All kernels, as one program.
#include "storage.cuh"

#include "rows.cu"
#include "cache.cu"
#include "linear.cu"
#include "tensor.cu"
#include "attention.cu"
#include "experts.cu"
