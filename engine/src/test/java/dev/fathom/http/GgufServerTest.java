package dev.fathom.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.NanoGguf;
import dev.fathom.kernels.KvFormat;
import dev.fathom.load.LoadOptions;
import dev.fathom.serve.Fathom;
import dev.fathom.serve.FathomOptions;
import dev.fathom.serve.Generator;
import org.junit.jupiter.api.Test;

/** A server on a GGUF file. */
class GgufServerTest {
    @Test
    void answersFromAGgufFile() {
        FathomOptions options = FathomOptions.EMBEDDED
                .withLoad(LoadOptions.EMBEDDED.withModelPath(NanoGguf.file("Q8_0")))
                .withEngine(config -> config.withKvFormat(KvFormat.F32));
        try (Fathom fathom = Fathom.load(options);
                TestServer http = TestServer.start(fathom.model(), Generator.of(fathom.engine()), config -> config)) {
            TestServer.Reply reply = http.post("/v1/chat/completions", """
                    {"model": "default", "temperature": 0,
                     "messages": [{"role": "user", "content": "What is the capital of Norway?"}]}""");
            assertThat(reply.status()).isEqualTo(200);
            assertThat(reply.json().at("/choices/0/message/content").stringValue())
                    .isEqualTo("The capital of Norway is Oslo.");
        }
    }
}
