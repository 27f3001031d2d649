package dev.fathom.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * y = x Wᵀ by NVIDIA's library, for BF16, and for FP8 weights with a scale for each block of 128 by 128. The library is asked once
 * for each shape which of its kernels to take. A product becomes a {@link Kernel}, so that it is recorded and captured as any
 * other launch; its arguments are the addresses of x, the weight and y, then those of both scales for FP8.
 */
final class LibraryProducts implements AutoCloseable {
    private static final long WORKSPACE_BYTES = 32 << 20;

    /** Bytes; addresses and rows must be multiples of it. */
    private static final int ALIGNMENT = 16;

    // Of cudaDataType, cublasOperation_t, cublasLtMatmulDescAttributes_t and cublasLtMatmulMatrixScale_t.
    private static final int REAL_F32 = 0;
    private static final int REAL_BF16 = 14;
    private static final int REAL_E4M3 = 28;
    private static final int TRANSPOSE_A = 3;
    private static final int A_SCALES = 17;
    private static final int B_SCALES = 18;
    private static final int A_SCALE_MODE = 31;
    private static final int B_SCALE_MODE = 32;
    private static final int OF_128 = 4;
    private static final int OF_128_BY_128 = 5;

    private final CublasLt library;
    private final CudaDevice device;
    private final CublasLt.Room room;
    private final long preference;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment factors;
    private final Map<Shape, Optional<Product>> products = new HashMap<>();

    private LibraryProducts(CublasLt library, CudaDevice device) {
        this.library = library;
        this.device = device;
        room = new CublasLt.Room(device.allocate(WORKSPACE_BYTES).address(), WORKSPACE_BYTES);
        preference = library.preference(WORKSPACE_BYTES, ALIGNMENT);
        factors = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 0);
    }

    /** Where the machine has the library. */
    static Optional<LibraryProducts> find(CudaDevice device, List<Path> folders) {
        device.enter();
        return CublasLt.find(folders).map(library -> new LibraryProducts(library, device));
    }

    String name() {
        return library.name();
    }

    /**
     * What is multiplied: {@code heads} parts of a weight, one behind the other, each with its head of x.
     *
     * @param format   of the weight and of x: BF16 or FP8
     * @param outputs  weight rows of a head
     * @param cols     weight columns
     * @param rows     of x and y
     * @param xRow     numbers from one row of x to the next; heads lie one behind the other
     * @param yRow     numbers from one row of y to the next
     * @param yHead    numbers from one head of y to the next
     */
    record Shape(String format, long outputs, long cols, long rows, int heads, long xRow, long yRow, long yHead) {
        boolean isFp8() {
            return format.equals("FP8");
        }
    }

    private record Product(long description, CublasLt.Layouts layouts, MemorySegment algorithm, Kernel kernel) {}

    /** Whether FP8 weights of this shape can be multiplied: their scales, K-major, must be whole fours. */
    boolean multipliesFp8(long outputs, long cols) {
        return library.hasBlockScales() && outputs % 4 == 0 && cols % 512 == 0;
    }

    /**
     * The product, if the library has one for the shape, and for what lies at these addresses.
     *
     * @param y  address
     */
    Optional<Kernel> product(Shape shape, long y) {
        boolean aligned = (y | 4 * shape.yRow | 4 * shape.yHead) % ALIGNMENT == 0;
        boolean fits =
                shape.isFp8() ? shape.rows % 4 == 0 && multipliesFp8(shape.outputs, shape.cols) : shape.cols % 8 == 0;
        return aligned && fits ? products.computeIfAbsent(shape, this::ask).map(Product::kernel) : Optional.empty();
    }

    private Optional<Product> ask(Shape shape) {
        device.enter();
        long description = library.description();
        library.describe(description, TRANSPOSE_A, 1);
        int numbers = shape.isFp8() ? REAL_E4M3 : REAL_BF16;
        if (shape.isFp8()) {
            library.describe(description, A_SCALE_MODE, OF_128_BY_128);
            library.describe(description, B_SCALE_MODE, OF_128);
            // Without any the library refuses to choose.
            library.describeAddress(description, A_SCALES, room.address());
            library.describeAddress(description, B_SCALES, room.address());
        }
        CublasLt.Layouts layouts = new CublasLt.Layouts(
                library.layout(numbers, shape.cols, shape.outputs, shape.cols),
                library.layout(numbers, shape.cols, shape.rows, shape.xRow),
                library.layout(REAL_F32, shape.outputs, shape.rows, shape.yRow));
        if (shape.heads > 1) {
            library.batch(layouts.a(), shape.heads, shape.outputs * shape.cols);
            library.batch(layouts.b(), shape.heads, shape.cols);
            library.batch(layouts.d(), shape.heads, shape.yHead);
        }
        Optional<Product> product = library.algorithm(description, layouts, preference, arena)
                .map(algorithm -> product(shape, description, layouts, algorithm));
        if (product.isEmpty()) {
            library.destroy(description, layouts);
        }
        return product;
    }

    private Product product(Shape shape, long description, CublasLt.Layouts layouts, MemorySegment algorithm) {
        Kernel.Call call = arguments -> {
            if (shape.isFp8()) {
                library.describeAddress(description, B_SCALES, address(arguments, 5));
                library.describeAddress(description, A_SCALES, address(arguments, 6));
            }
            library.multiply(
                    description,
                    layouts,
                    algorithm.address(),
                    factors.address(),
                    new long[] {address(arguments, 1), address(arguments, 0), address(arguments, 2)},
                    room,
                    device.stream());
        };
        return new Product(description, layouts, algorithm, new Kernel("cublasLt_" + shape.format, description, call));
    }

    private static long address(MemorySegment arguments, int index) {
        return arguments.get(ValueLayout.JAVA_LONG, 8L * index);
    }

    @Override
    public void close() {
        device.enter();
        products.values()
                .forEach(found -> found.ifPresent(product -> library.destroy(product.description, product.layouts)));
        library.destroyPreference(preference);
        library.close();
        arena.close();
    }
}
