using System.Text.Json.Nodes;

namespace Cloister.Cli.Tests.Harness;

/// <summary><c>cloister dev</c> on a folder, ready.</summary>
internal sealed class DevEnclave : IAsyncDisposable
{
    private DevEnclave(CliProcess process, JsonNode ready)
    {
        Process = process;
        Ready = ready;
    }

    internal CliProcess Process { get; }

    internal JsonNode Ready { get; }

    internal string KmsSocket => (string)Ready["kmsSocket"]!;

    internal string AdminSocket => (string)Ready["adminSocket"]!;

    internal string KeyId => (string)Ready["keyId"]!;

    internal static async Task<DevEnclave> StartAsync(string folder, params IEnumerable<string> arguments)
    {
        CliProcess process = CliProcess.Start(["dev", "--dir", folder, "--output", "json", .. arguments]);
        string line = await process.ReadLineAsync();
        Assert.StartsWith("ready ", line, StringComparison.Ordinal);
        return new DevEnclave(process, JsonNode.Parse(line["ready ".Length..])!);
    }

    /// <summary>The enclave: its only child.</summary>
    internal int EnclaveProcessId() =>
        int.Parse(File.ReadAllText($"/proc/{Process.Id}/task/{Process.Id}/children").Trim(), System.Globalization.CultureInfo.InvariantCulture) is int id and > 0
            ? id
            : throw new InvalidOperationException("no enclave");

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
