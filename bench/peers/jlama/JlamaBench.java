import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.model.functions.Generator;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** {@code JlamaBench FOLDER THREADS PROMPT_TOKENS DECODED_TOKENS RUNS}: medians of tokens per second, after two runs that warm up. */
public final class JlamaBench {
    private JlamaBench() {}

    public static void main(String[] arguments) throws Exception {
        int prompt = Integer.parseInt(arguments[2]);
        int decoded = Integer.parseInt(arguments[3]);
        AbstractModel model = ModelSupport.loadModel(
                new File(arguments[0]),
                null,
                DType.F32,
                DType.I8,
                Optional.empty(),
                Optional.of(Integer.parseInt(arguments[1])));
        StringBuilder text = new StringBuilder("w");
        while (model.getTokenizer().encode(text.toString()).length < prompt - 1) {
            text.append(" fox");
        }
        List<Double> prefill = new ArrayList<>();
        List<Double> decode = new ArrayList<>();
        for (int run = 0; run < Integer.parseInt(arguments[4]) + 2; run++) {
            Generator.Response response = model.generate(
                    UUID.randomUUID(), PromptContext.of(text.toString()), 0f, prompt + decoded, (word, seconds) -> {});
            if (run >= 2) {
                prefill.add(response.promptTokens * 1e3 / response.promptTimeMs);
                decode.add(response.generatedTokens * 1e3 / response.generateTimeMs);
            }
        }
        Collections.sort(prefill);
        Collections.sort(decode);
        System.out.printf(
                "MEDIAN pp %.2f tg %.2f%n", prefill.get(prefill.size() / 2), decode.get(decode.size() / 2));
        System.exit(0); // its threads would go on
    }
}
