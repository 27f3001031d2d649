import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import java.nio.file.Path;
import java.util.Optional;

/** {@code JlamaQuant FOLDER TO}: a BF16 checkpoint in Jlama's four bits. The folder needs a README.md, which Jlama copies. */
public final class JlamaQuant {
    private JlamaQuant() {}

    public static void main(String[] arguments) throws Exception {
        String[] asTheyAre = {"wte.", "wpe.", "ln_", "norm"};
        System.out.println(SafeTensorSupport.quantizeModel(
                Path.of(arguments[0]), DType.Q4, asTheyAre, new String[0], Optional.of(Path.of(arguments[1]))));
        System.exit(0); // its threads would go on
    }
}
