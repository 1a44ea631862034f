using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>The stand-in for an API server as a child process that has done its work and waits.</summary>
internal sealed class DemoApiServerProcess : IAsyncDisposable
{
    internal const string Name = "api-server";

    private readonly Process _process;

    private DemoApiServerProcess(Process process, JsonObject report)
    {
        _process = process;
        Report = report;
    }

    internal int ProcessId => _process.Id;

    /// <summary>Its latencies.</summary>
    internal JsonObject Report { get; }

    /// <summary>The EDEKs it got, which are public.</summary>
    internal IEnumerable<byte[]> Edeks => Report["edeks"]!.AsArray().Select(edek => Convert.FromBase64String(edek!.GetValue<string>()));

    internal static async Task<DemoApiServerProcess> RunAsync(string socket, int secrets, ApiServerKind kind, CancellationToken cancellation)
    {
        Process process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [DemoApiServer.Verb, "--socket", socket, "--secrets", $"{secrets}", "--kind", $"{kind}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        }) ?? throw new CliException("the stand-in for an API server cannot be started");
        string? line = await process.StandardOutput.ReadLineAsync(cancellation);
        if (line is null)
        {
            await process.WaitForExitAsync(cancellation);
            process.Dispose();
            throw new CliException("the stand-in for an API server failed; what it said is above");
        }

        return new DemoApiServerProcess(process, JsonNode.Parse(line)!.AsObject());
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
