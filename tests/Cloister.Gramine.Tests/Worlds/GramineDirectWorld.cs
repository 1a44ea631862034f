using System.Diagnostics;
using System.Text.RegularExpressions;
using Cloister.Conformance.Harness;

namespace Cloister.Gramine.Tests.Worlds;

/// <summary>
/// gramine-direct on the manifest, with changes that only a test makes: the imitation of <c>/dev/attestation</c> is mounted in, what is encrypted on SGX is a plain
/// folder, since there is no sealing key, and the host's own folders are a test's.
/// </summary>
internal sealed partial class GramineDirectWorld(string build, string attestation, string host) : World(build, attestation, host)
{
    internal override ChildProcess Start(string folder)
    {
        string text = Encrypted.Replace(Manifest.Text, "")
            .Replace("\"file:/", $"\"file:{Host}/", StringComparison.Ordinal)
            .Replace("\nfs.mounts = [", $$"""{{'\n'}}fs.mounts = [ { path = "/dev/attestation", uri = "file:{{Attestation}}" },""", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(Build, "direct.template"), text);
        ProcessStartInfo fill = new("gramine-manifest", ["direct.template", "direct.manifest"]) { WorkingDirectory = Build };
        using (Process process = Process.Start(fill)!)
        {
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        }

        return ChildProcess.Start("enclave", folder, "sh", "-c", $"cd {Build} && exec gramine-direct direct");
    }

    [GeneratedRegex(", type = \"encrypted\", key_name = \"[^\"]*\"")]
    private static partial Regex Encrypted { get; }
}
