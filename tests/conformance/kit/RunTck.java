import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.stream.Collectors;
import org.eclipse.dataspacetck.core.spi.boot.Monitor;
import org.eclipse.dataspacetck.dsp.system.DspSystemLauncher;
import org.eclipse.dataspacetck.runtime.TckRuntime;

/**
 * Runs the Dataspace Protocol conformance kit: {@code java -cp CLASSPATH RunTck.java PROPERTIES [TEST-ID-PATTERN]}.
 * Ends with 0 only when all the kit's active tests passed.
 */
public final class RunTck {
    private static final int ACTIVE_TESTS = 65;

    public static void main(String[] arguments) throws IOException {
        var properties = new Properties();
        try (var file = Files.newBufferedReader(Path.of(arguments[0]))) {
            properties.load(file);
        }
        var wanted = arguments.length > 1 ? arguments[1] : "";
        var settings = properties.stringPropertyNames().stream().collect(Collectors.toMap(n -> n, properties::getProperty));
        var summary = TckRuntime.Builder.newInstance()
                .properties(settings)
                .addPackage("org.eclipse.dataspacetck.dsp.verification")
                .displayNameMatching(name -> name.matches(".*(" + wanted + ").*"))
                .monitor(new Lines())
                .launcher(DspSystemLauncher.class)
                .build().execute();
        for (var failure : summary.getFailures()) {
            System.out.println("\nFAILURE " + failure.getTestIdentifier().getDisplayName());
            failure.getException().printStackTrace(System.out);
        }
        var passed = summary.getTestsSucceededCount();
        var failed = summary.getTotalFailureCount() + summary.getTestsAbortedCount();
        System.out.printf("%d passed, %d failed, %d skipped%n", passed, failed, summary.getTestsSkippedCount());
        System.exit(passed == ACTIVE_TESTS && failed == 0 ? 0 : 1);
    }

    /** Prints the kit's lines as they come. */
    private static final class Lines implements Monitor {
        public Monitor message(String text) {
            System.out.println(text.strip());
            return this;
        }

        public Monitor debug(String text) { return this; }
        public Monitor enableSuccess() { return this; }
        public Monitor enableError() { return this; }
        public Monitor enableBold() { return this; }
        public Monitor resetMode() { return this; }
        public Monitor newLine() { return this; }
    }
}
