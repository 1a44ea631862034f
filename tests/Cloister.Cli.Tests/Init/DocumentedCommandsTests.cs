using System.Diagnostics;
using System.Text.RegularExpressions;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Init;

/// <summary>Marked blocks of docs/install.md, "Three nodes": files are written, and commands run, as they stand there. Those of "First Secret" need machines: tests/Cloister.Packages.Tests.</summary>
public sealed partial class DocumentedCommandsTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task They_run_to_the_letter()
    {
        Directory.CreateDirectory(_folder["bin"]);
        File.CreateSymbolicLink(_folder["bin/cloister"], Programs.Cli);
        int files = 0, commands = 0;
        string document = await File.ReadAllTextAsync(Path.Combine(Programs.RepositoryRoot, "docs", "install.md"), Stop);
        foreach (Match block in BlockForm().Matches(document[document.IndexOf("## Three nodes", StringComparison.Ordinal)..]))
        {
            string text = block.Groups["text"].Value;
            if (block.Groups["file"].Value is { Length: > 0 } name)
            {
                await File.WriteAllTextAsync(_folder[name], text, Stop);
                files++;
                continue;
            }

            ProcessStartInfo start = new("bash", ["-euc", text]) { WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["PATH"] = $"{_folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}";
            (start.Environment["CLOISTER_ENCLAVE"], start.Environment["CLOISTER_ENCLAVE_SIM"], start.Environment["CLOISTER_BROKER"]) = (Programs.Enclave, Programs.EnclaveSim, Programs.Broker);
            using Process shell = Process.Start(start)!;
            Task<string> errors = shell.StandardError.ReadToEndAsync(Stop);
            string output = await shell.StandardOutput.ReadToEndAsync(Stop);
            await shell.WaitForExitAsync(Stop);
            Assert.True(shell.ExitCode == 0, $"{text}\n{output}\n{await errors}");
            commands += text.Count(c => c == '\n');
        }

        Assert.Equal((1, 5), (files, commands));
        Assert.Contains("cloister rollout next --phases encryption --api-server cp1=https://10.0.0.1:6443", await File.ReadAllTextAsync(_folder["node/NEXT.md"], Stop), StringComparison.Ordinal);
    }

    [GeneratedRegex("<!-- (?:run: three-nodes|file: (?<file>[a-z.]+)) -->\n```[a-z]*\n(?<text>.*?)```\n", RegexOptions.Singleline)]
    private static partial Regex BlockForm();
}
