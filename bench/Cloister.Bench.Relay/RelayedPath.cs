using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Cloister.Bench.Relay;

/// <summary>A relay process from a unix socket to the echo server, and a client in front of it.</summary>
internal sealed class RelayedPath : IDisposable
{
    private readonly Process _relay;

    private RelayedPath(string name, Process relay, PingPong pingPong)
    {
        Name = name;
        _relay = relay;
        PingPong = pingPong;
    }

    internal string Name { get; }

    internal PingPong PingPong { get; }

    internal static RelayedPath Start(string name, string program, string path, EndPoint target, int size)
    {
        Process relay = Process.Start(new ProcessStartInfo(program, ["relay", "--listen", $"unix:{path}", "--target", $"{target}"]) { RedirectStandardOutput = true })!;
        return relay.StandardOutput.ReadLine() is { } line && line.StartsWith("ready ", StringComparison.Ordinal)
            ? new RelayedPath(name, relay, new PingPong(new UnixDomainSocketEndPoint(path), size))
            : throw new InvalidOperationException($"{program} relay did not start");
    }

    public void Dispose()
    {
        PingPong.Dispose();
        _relay.Kill();
        _relay.WaitForExit();
        _relay.Dispose();
    }
}
