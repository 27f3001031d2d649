package dev.fathom.kernels.scalar;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;

/** Operations on rows without a weight matrix; each result is computed in double and rounded once. */
final class ScalarElementwise {
    private ScalarElementwise() {}

    static void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        for (int t = 0; t < x.rows(); t++) {
            double factor = inverseRms(x, t, x.cols(), epsilon);
            for (int i = 0; i < x.cols(); i++) {
                out.set(t, i, (float) (x.get(t, i) * factor * weight.get(0, i)));
            }
        }
    }

    static void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out) {
        int width = x.cols();
        for (int t = 0; t < x.rows(); t++) {
            double mean = 0;
            for (int i = 0; i < width; i++) {
                mean += (double) x.get(t, i) / width;
            }
            double variance = 0;
            for (int i = 0; i < width; i++) {
                variance += (x.get(t, i) - mean) * (x.get(t, i) - mean) / width;
            }
            double factor = 1 / Math.sqrt(variance + epsilon);
            for (int i = 0; i < width; i++) {
                out.set(t, i, (float) ((x.get(t, i) - mean) * factor * weight.get(0, i) + bias.get(0, i)));
            }
        }
    }

    /** 1 / sqrt(mean of the first {@code width} squares + epsilon). */
    static double inverseRms(Tensor x, int row, int width, float epsilon) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
            double v = x.get(row, i);
            squares += v * v;
        }
        return 1 / Math.sqrt(squares / width + epsilon);
    }

    static void add(Tensor x, Tensor delta) {
        for (int t = 0; t < x.rows(); t++) {
            for (int i = 0; i < x.cols(); i++) {
                x.set(t, i, x.get(t, i) + delta.get(t, i));
            }
        }
    }

    static void addBias(Tensor x, Tensor bias) {
        for (int t = 0; t < x.rows(); t++) {
            for (int i = 0; i < x.cols(); i++) {
                x.set(t, i, x.get(t, i) + bias.get(0, i));
            }
        }
    }

    /** Rows [from, to). */
    static void siluMul(Tensor gate, Tensor up, Tensor out, int from, int to) {
        for (int t = from; t < to; t++) {
            for (int i = 0; i < gate.cols(); i++) {
                double g = gate.get(t, i);
                out.set(t, i, (float) (g / (1 + Math.exp(-g)) * up.get(t, i)));
            }
        }
    }

    /** Pairs (2i, 2i + 1). */
    static void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rotate(x, cos, sin, out, 2, 1);
    }

    /** Pairs (i, i + width / 2). */
    static void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rotate(x, cos, sin, out, 1, x.width() / 2);
    }

    /** Pair i is at (i * step, i * step + distance). */
    private static void rotate(HeadView x, Tensor cos, Tensor sin, HeadView out, int step, int distance) {
        for (int t = 0; t < x.rows(); t++) {
            for (int h = 0; h < x.heads(); h++) {
                for (int i = 0; i < x.width() / 2; i++) {
                    int in = x.column(h) + i * step;
                    int to = out.column(h) + i * step;
                    double a = x.tensor().get(t, in);
                    double b = x.tensor().get(t, in + distance);
                    double c = cos.get(t, i);
                    double s = sin.get(t, i);
                    out.tensor().set(t, to, (float) (a * c - b * s));
                    out.tensor().set(t, to + distance, (float) (a * s + b * c));
                }
            }
        }
    }
}
