using System.Diagnostics;
using Cloister.Conformance.Harness;

namespace Cloister.Gramine.Tests.Worlds;

/// <summary>
/// gramine-direct on the manifest, with two changes that only a test makes: the imitation of <c>/dev/attestation</c> is mounted in, and what is encrypted on SGX is a
/// plain folder, since there is no sealing key.
/// </summary>
internal sealed class GramineDirectWorld(string build, string attestation, string state) : World(build, attestation, state)
{
    internal override ChildProcess Start(string folder)
    {
        IEnumerable<string> lines = Manifest.Text.Split('\n').Select(line => line.Contains("type = \"encrypted\"", StringComparison.Ordinal)
            ? $$"""  { path = "/sealed", uri = "file:{{State}}" }, { path = "/dev/attestation", uri = "file:{{Attestation}}" },"""
            : line);
        File.WriteAllLines(Path.Combine(Build, "direct.template"), lines);
        ProcessStartInfo fill = new("gramine-manifest", ["direct.template", "direct.manifest"]) { WorkingDirectory = Build };
        using (Process process = Process.Start(fill)!)
        {
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        }

        return ChildProcess.Start("enclave", folder, "sh", "-c", $"cd {Build} && exec gramine-direct direct");
    }
}
