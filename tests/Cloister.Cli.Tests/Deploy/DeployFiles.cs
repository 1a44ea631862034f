using System.Diagnostics;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

/// <summary>The files under deploy/, and programs that judge them.</summary>
internal static class DeployFiles
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(20);

    internal static string Folder { get; } = Path.Combine(Programs.RepositoryRoot, "deploy");

    internal static string File(params string[] parts) => Path.Combine([Folder, .. parts]);

    /// <summary>Runs a program to its end.</summary>
    internal static async Task<CliResult> RunAsync(string program, params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = new(Timeout);
        await process.WaitForExitAsync(limit.Token);
        return new CliResult(process.ExitCode, await output, await errors);
    }

    /// <summary>Whether a program is on the path.</summary>
    internal static bool Has(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => System.IO.File.Exists(Path.Combine(folder, program)));
}
