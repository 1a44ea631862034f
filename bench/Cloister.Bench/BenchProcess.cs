using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Bench;

/// <summary>Programs that a benchmark starts and stops.</summary>
internal static class BenchProcess
{
    /// <summary>Runs a program to its end and reads the one JSON line it prints.</summary>
    internal static async Task<JsonNode> JsonAsync(string program, params string[] arguments)
    {
        using Process process = Start(program, arguments, redirect: true);
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? JsonNode.Parse(output.Trim().Split('\n')[^1])!
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
    }

    /// <summary>Starts a server; the caller stops it.</summary>
    internal static Process Start(string program, string[] arguments, bool redirect = false) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = redirect, RedirectStandardError = !redirect, UseShellExecute = false })
        ?? throw new InvalidOperationException($"{program} cannot be started");

    internal static void Stop(Process process)
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    internal static async Task WaitForAsync(string path)
    {
        for (int i = 0; i < 500 && !File.Exists(path); i++)
        {
            await Task.Delay(20);
        }
    }
}
