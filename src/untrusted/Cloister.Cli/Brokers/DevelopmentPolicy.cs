using System.Text;

namespace Cloister.Cli.Brokers;

/// <summary>Policies of a simulated enclave: its vendor's root, its measurement, its configuration.</summary>
internal static class DevelopmentPolicy
{
    private const string Warning = "# SIMULATED: whoever has the vendor's folder makes evidence for any measurement. For development, never with real Secrets.";

    /// <summary>The appraisal policy's text: what an operator demands who verifies the enclave.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="measurement">MRENCLAVE, hex.</param>
    internal static string AppraisalText(string name, string measurement) => $$"""
        {{Warning}}
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: {{name}} }
        spec:
        {{Sgx("  ", measurement)}}

        """;

    /// <summary>The release policy's text: what a broker demands.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="rootPem">Root of the simulated vendor.</param>
    /// <param name="measurement">MRENCLAVE, hex.</param>
    /// <param name="configurationDigests">SHA-384 of every configuration that is accepted, hex.</param>
    internal static string Text(string name, string rootPem, string measurement, IEnumerable<string> configurationDigests)
    {
        StringBuilder root = new();
        foreach (string line in rootPem.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            root.Append("      ").Append(line.TrimEnd()).Append('\n');
        }

        return $$"""
            {{Warning}}
            apiVersion: cloister.dev/v1alpha1
            kind: ReleasePolicy
            metadata: { name: {{name}} }
            spec:
              appraisal:
            {{Sgx("    ", measurement)}}
              configDigests: [{{string.Join(", ", configurationDigests.Select(digest => $"\"{digest}\""))}}]
              lease: { duration: 1h, grace: 0s, wraps: 10000000, unwraps: 10000000 }
              roots:
              - |

            """ + root;
    }

    private static string Sgx(string indent, string measurement) => string.Join('\n', new[]
    {
        "sgx:",
        "  debug: refuse",
        $$"""  enclave: [ { mrenclave: "{{measurement}}" } ]""",
        "  configid: any",
        "  tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }",
        "  platforms: { allow: any }",
        "  reportData: expected",
    }.Select(line => indent + line));
}
