using System.Runtime.CompilerServices;

namespace Cloister.Attestation.Tests.Evidence;

/// <summary>Real evidence of third parties, which is not part of this repository. Tests that need it are skipped without it.</summary>
internal static class EvidenceDirectory
{
    /// <summary>CLOISTER_EVIDENCE_DIR, else shared/evidence beside the repository; null when there is none.</summary>
    public static string? Path { get; } = Find();

    /// <summary>The case directories of a TEE (<c>sgx</c>, <c>tdx</c>, <c>snp</c>, <c>nitro</c>); none without evidence.</summary>
    public static IEnumerable<string> Cases(string tee) =>
        Path is not null && Directory.Exists(System.IO.Path.Combine(Path, tee))
            ? Directory.EnumerateDirectories(System.IO.Path.Combine(Path, tee)).Where(d => File.Exists(System.IO.Path.Combine(d, "manifest.json"))).Order(StringComparer.Ordinal)
            : [];

    /// <summary>Skips the running test when there is no evidence.</summary>
    public static string Require()
    {
        Assert.SkipWhen(Path is null, "No evidence directory: set CLOISTER_EVIDENCE_DIR.");
        return Path!;
    }

    private static string? Find([CallerFilePath] string thisFile = "")
    {
        if (Environment.GetEnvironmentVariable("CLOISTER_EVIDENCE_DIR") is { Length: > 0 } configured)
        {
            return configured;
        }

        // Deterministic builds map source paths, so look upwards from the binary as well.
        foreach (string start in (string[])[AppContext.BaseDirectory, thisFile])
        {
            for (DirectoryInfo? d = new(start); d is not null; d = d.Parent)
            {
                string candidate = System.IO.Path.Combine(d.FullName, "shared", "evidence");
                if (Directory.Exists(candidate))
                {
                    return candidate;
                }
            }
        }

        return null;
    }
}
