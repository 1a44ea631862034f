using System.Diagnostics;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Dev;

/// <summary>
/// Command, broker and enclave with an empty <c>/etc</c> (no passwd entry) and no <c>HOME</c>, as under Gramine or in an image that has neither: .NET
/// looks there for certificate stores when it builds a chain, and throws.
/// </summary>
public sealed class NoHomeTests : IDisposable
{
    private static readonly string DotnetRoot = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../.."));

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TLS_needs_neither_a_home_nor_a_passwd_entry()
    {
        Assert.SkipUnless(MayMount(), "this user may not mount");
        Directory.CreateDirectory(_folder["etc"]);
        string broker = await WithoutEnvironmentAsync("broker.sh", Programs.Broker);
        string enclave = await WithoutEnvironmentAsync("enclave.sh", Programs.EnclaveSim);

        // Mutual TLS to the broker, a lease, and a serving certificate for a gateway whose etcd is away.
        ProcessStartInfo start = new(
            "/usr/bin/unshare",
            [
                "-m", "--propagation", "private", "/bin/sh", "-c", "mount --bind \"$1\" /etc && shift && exec env -i \"$@\"", "sh", _folder["etc"],
                $"DOTNET_ROOT={DotnetRoot}", "PATH=/usr/bin:/bin", $"CLOISTER_BROKER={broker}", $"CLOISTER_ENCLAVE_SIM={enclave}",
                Programs.Cli, "dev", "--dir", _folder["d"], "--custody", "attested", "--etcd", "http://127.0.0.1:1",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        System.Text.StringBuilder said = new();
        void Hear(object sender, DataReceivedEventArgs line)
        {
            lock (said)
            {
                said.AppendLine(line.Data);
            }
        }

        string Said()
        {
            lock (said)
            {
                return said.ToString();
            }
        }

        process.OutputDataReceived += Hear;
        process.ErrorDataReceived += Hear;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await Eventually.TrueAsync(
                () => process.HasExited || (Said().Contains("\nready ", StringComparison.Ordinal) && Said().Contains("gateway: serving certificate", StringComparison.Ordinal)),
                "ready",
                TimeSpan.FromMinutes(1));
            Assert.False(process.HasExited, Said());
            Assert.DoesNotContain("fault", Said(), StringComparison.Ordinal);
        }
        finally
        {
            Process.Start("/bin/kill", ["-TERM", $"{process.Id}"])!.WaitForExit();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static bool MayMount()
    {
        using Process tried = Process.Start(new ProcessStartInfo("/usr/bin/unshare", ["-m", "--propagation", "private", "/bin/mount", "--bind", "/tmp", "/tmp"]) { RedirectStandardError = true })!;
        tried.WaitForExit();
        return tried.ExitCode == 0;
    }

    private async Task<string> WithoutEnvironmentAsync(string name, string program)
    {
        string script = _folder[name];
        await File.WriteAllTextAsync(script, $"#!/bin/sh\nexec env -i DOTNET_ROOT={DotnetRoot} {program} \"$@\"\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return script;
    }
}
