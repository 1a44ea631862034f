using System.Diagnostics;
using System.Globalization;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Script;

/// <summary>The root script in a small tree, with a <c>dotnet</c> that stands for the build.</summary>
internal sealed class ScriptCopy : IDisposable
{
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Like the real one it leaves a server behind; what it builds prints its process id and arguments.
    private const string Dotnet = """
        #!/usr/bin/env bash
        here=$(dirname "$0")
        echo "$2" >>"$here/calls"
        if [ -e "$here/fail" ]; then echo "A.cs(1,1): error CS0001: broken"; exit 1; fi
        sleep 0.2
        sleep 600 & echo $! >>"$here/servers"
        out=$2/bin/Release/net10.0
        mkdir -p "$out"
        printf '%s\n' '#!/usr/bin/env bash' 'echo "pid $$ args $*"' '[ "$1" = wait ] && exec sleep 600' 'exit "$1"' >"$out/cloister"
        chmod +x "$out/cloister"

        """;

    private readonly ScratchFolder _folder = new();

    internal ScriptCopy()
    {
        foreach (string folder in (string[])["bin", "src", "proto", "eng"])
        {
            Directory.CreateDirectory(_folder[folder]);
        }

        File.Copy(Path.Combine(Programs.RepositoryRoot, "cloister"), _folder["cloister"]);
        File.WriteAllText(_folder["Directory.Build.props"], "");
        File.WriteAllText(_folder["Directory.Build.targets"], "");
        File.WriteAllText(_folder["bin/dotnet"], Dotnet);
        File.SetUnixFileMode(_folder["bin/dotnet"], Executable);
    }

    internal int Builds => File.Exists(_folder["bin/calls"]) ? File.ReadLines(_folder["bin/calls"]).Count(line => line.EndsWith("Cloister.Cli", StringComparison.Ordinal)) : 0;

    internal void ChangeSource() => File.WriteAllText(_folder["src/A.cs"], "");

    internal void BreakBuild() => File.WriteAllText(_folder["bin/fail"], "");

    internal void RepairBuild() => File.Delete(_folder["bin/fail"]);

    internal Process Start(params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(_folder["cloister"], arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{_folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}";
        return Process.Start(start)!;
    }

    internal async Task<CliResult> RunAsync(params IEnumerable<string> arguments)
    {
        using Process process = Start(arguments);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        string errors = await process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return new CliResult(process.ExitCode, output, errors);
    }

    public void Dispose()
    {
        if (File.Exists(_folder["bin/servers"]))
        {
            foreach (string line in File.ReadAllLines(_folder["bin/servers"]))
            {
                using Process server = Process.GetProcessById(int.Parse(line, CultureInfo.InvariantCulture));
                server.Kill();
            }
        }

        _folder.Dispose();
    }
}
