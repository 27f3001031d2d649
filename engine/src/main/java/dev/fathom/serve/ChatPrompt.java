package dev.fathom.serve;

/**
 * A conversation as the model reads it.
 *
 * @param rendered   what the chat template made
 * @param continued  the beginning of the answer, if the request brings one
 */
record ChatPrompt(String rendered, String continued) {
    String text() {
        return rendered + continued;
    }
}
