package dev.fathom.text.regex;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The code points that are equal when case is ignored, by single-character folding. */
final class CaseVariants {
    /** By folded form, for every form that several code points fold to. */
    private final Map<Integer, int[]> variants = new HashMap<>();

    private CaseVariants() {
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            int folded = fold(c);
            if (folded != c) {
                int[] known = variants.getOrDefault(folded, new int[] {folded});
                int[] more = Arrays.copyOf(known, known.length + 1);
                more[known.length] = c;
                variants.put(folded, more);
            }
        }
    }

    /** Made on first use, as most patterns mind the case: it looks at every code point there is. */
    private static final class All {
        private static final CaseVariants VARIANTS = new CaseVariants();
    }

    static CaseVariants all() {
        return All.VARIANTS;
    }

    /** The code point itself and all that differ from it in case only. */
    int[] of(int c) {
        int[] known = variants.get(fold(c));
        return known == null ? new int[] {c} : known;
    }

    private static int fold(int c) {
        // The Turkish i's fold to themselves (ı) or to two characters (İ), never to a plain i.
        if (c == 'ı' || c == 'İ') {
            return c;
        }
        return Character.toLowerCase(Character.toUpperCase(c));
    }
}
