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

    internal static Task<DevEnclave> StartAsync(string folder, params IEnumerable<string> arguments) => StartAsync(CliProcess.Start(Arguments(folder, arguments)));

    /// <summary>The same with what a shell does first.</summary>
    internal static Task<DevEnclave> StartAfterAsync(string first, string folder, params IEnumerable<string> arguments) => StartAsync(CliProcess.StartAfter(first, Arguments(folder, arguments)));

    private static IEnumerable<string> Arguments(string folder, IEnumerable<string> arguments) => ["dev", "--dir", folder, "--output", "json", .. arguments];

    private static async Task<DevEnclave> StartAsync(CliProcess process)
    {
        string line = await process.ReadLineAsync();
        Assert.StartsWith("ready ", line, StringComparison.Ordinal);
        return new DevEnclave(process, JsonNode.Parse(line["ready ".Length..])!);
    }

    /// <summary>The enclave: its only child, unless there is a broker.</summary>
    internal int EnclaveProcessId() => ChildProcessIds().Single();

    /// <summary>Its children: with custody attested the broker, then the enclave.</summary>
    internal IReadOnlyList<int> ChildProcessIds() =>
    [
        .. Directory.GetDirectories($"/proc/{Process.Id}/task")
            .SelectMany(task => File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(id => int.Parse(id, System.Globalization.CultureInfo.InvariantCulture))
            .Order(),
    ];

    /// <summary>Whether a process ended, waited for or not.</summary>
    internal static bool Ended(int processId)
    {
        string path = $"/proc/{processId}/stat";
        return !File.Exists(path) || File.ReadAllText(path).Contains(") Z ", StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
