using System.Text;

namespace Cloister.Cli.Brokers;

/// <summary>The release policy of a simulated enclave: its vendor's root, its measurement, its configuration.</summary>
internal static class DevelopmentPolicy
{
    /// <summary>The policy's text.</summary>
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
            # SIMULATED: whoever has the vendor's folder makes evidence for any measurement. For development, never with real Secrets.
            apiVersion: cloister.dev/v1alpha1
            kind: ReleasePolicy
            metadata: { name: {{name}} }
            spec:
              appraisal:
                sgx:
                  debug: refuse
                  enclave: [ { mrenclave: "{{measurement}}" } ]
                  configid: any
                  tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
                  platforms: { allow: any }
                  reportData: expected
              configDigests: [{{string.Join(", ", configurationDigests.Select(digest => $"\"{digest}\""))}}]
              lease: { duration: 1h, grace: 0s, wraps: 10000000, unwraps: 10000000 }
              roots:
              - |

            """ + root;
    }
}
