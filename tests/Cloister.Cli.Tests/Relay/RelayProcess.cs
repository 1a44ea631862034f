using System.Globalization;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Relay;

/// <summary><c>cloister relay</c>, ready.</summary>
internal sealed class RelayProcess : IAsyncDisposable
{
    private RelayProcess(CliProcess process, string ready)
    {
        Process = process;
        Ready = ready;
        Address = ready.Split(' ')[1];
    }

    internal CliProcess Process { get; }

    internal string Ready { get; }

    internal string Address { get; }

    /// <summary>How many of its descriptors are sockets. (Libraries and pipes of the runtime come and go.)</summary>
    internal int Sockets => new DirectoryInfo(DescriptorFolder).EnumerateFiles().Count(file => file.LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    /// <summary>How many descriptors it has.</summary>
    internal int Descriptors => Directory.GetFiles(DescriptorFolder).Length;

    private string DescriptorFolder =>
        Process.HasExited ? throw new InvalidOperationException($"the relay ended with {Process.ExitCode}:\n{Process.Errors}") : $"/proc/{Process.Id}/fd";

    /// <summary>Memory of its own, in bytes.</summary>
    internal long Resident => long.Parse(
        File.ReadLines($"/proc/{Process.Id}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) * 1024;

    internal static Task<RelayProcess> StartAsync(string listen, string target, params IEnumerable<string> arguments) =>
        ReadyAsync(CliProcess.Start(["relay", "--listen", listen, "--target", target, .. arguments]));

    internal static Task<RelayProcess> StartAfterAsync(string first, string listen, string target, params IEnumerable<string> arguments) =>
        ReadyAsync(CliProcess.StartAfter(first, ["relay", "--listen", listen, "--target", target, .. arguments]));

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private static async Task<RelayProcess> ReadyAsync(CliProcess process)
    {
        string line = await process.ReadLineAsync();
        Assert.StartsWith("ready ", line, StringComparison.Ordinal);
        return new RelayProcess(process, line);
    }
}
