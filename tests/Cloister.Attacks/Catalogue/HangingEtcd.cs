using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;

namespace Cloister.Attacks.Catalogue;

/// <summary>etcd is stopped, not ended, and a client goes on making calls with large headers: what waits for etcd is to fill the enclave's memory.</summary>
internal sealed class HangingEtcd() : Attack(
    "gateway-memory-while-etcd-hangs", Attacker.EtcdWriter, "etcd, which he stops, and calls", Promise.Protected, "what waits for etcd is bounded: the client is not read any further")
{
    private const int Seconds = 8;
    private const byte Data = 0;

    // Fewer within a second than a flood.
    private const int CallsASecond = 1000;
    private const long Bound = 64L * 1024 * 1024;

    public override bool Alone => true;

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        using SslStream gateway = GatewayPeer.Authenticate(cluster, GatewayPeer.Connect(cluster.GatewayAddress));
        gateway.WriteTimeout = 5000;
        long before = Resident(cluster.Enclave.Id);
        await SignalAsync("STOP", cluster.Etcd.Id);
        long sent;
        long grown;
        try
        {
            sent = await SendAsync(gateway, ground.Stop);
            grown = Resident(cluster.Enclave.Id) - before;
        }
        finally
        {
            await SignalAsync("CONT", cluster.Etcd.Id);
        }

        long kept = await KeptWithoutBoundAsync(ground.Stop);
        return new Outcome(
            grown > Bound ? Trial.Success($"of {sent >> 20} MiB that were sent, the enclave keeps {grown >> 20} MiB") : Trial.Refused($"{sent >> 20} MiB were sent, and the enclave keeps no more than {Bound >> 20} MiB"),
            kept > Bound ? Trial.Success($"who reads on and keeps it has {kept >> 20} MiB") : Trial.Refused($"only {kept >> 20} MiB were sent"));
    }

    // As much as the peer takes, at that rate.
    private static async Task<long> SendAsync(Stream stream, CancellationToken stop)
    {
        byte[] asked = [0, 0, 0, 0, 2 + 19, 0x0A, 19, .. "/registry/secrets/x"u8];
        byte[] block = [.. GatewayPeer.Call("/etcdserverpb.KV/Range"), .. Enumerable.Range(0, 90).SelectMany(i => Field($"x-{i}", new string('x', 120)))];
        long sent = 0;
        int streamId = 1;
        try
        {
            await stream.WriteAsync(GatewayPeer.Beginning, stop);
            for (int second = 0; second < Seconds; second++)
            {
                await Task.Delay(1000, stop);
                for (int i = 0; i < CallsASecond; i++, streamId += 2)
                {
                    byte[] call = [.. GatewayPeer.Frame(GatewayPeer.Headers, 0x4, streamId, block), .. GatewayPeer.Frame(Data, 0x1, streamId, asked), .. GatewayPeer.Frame(GatewayPeer.Reset, 0, streamId, [0, 0, 0, 8])];
                    stream.Write(call);
                    sent += call.Length;
                }
            }
        }
        catch (IOException)
        {
            // It is not read any further.
        }

        return sent;
    }

    private static async Task<long> KeptWithoutBoundAsync(CancellationToken stop)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using NetworkStream near = new(GatewayPeer.Connect(listener.LocalEndpoint.ToString()!), ownsSocket: true);
        using Socket far = await listener.AcceptSocketAsync(stop);
        using MemoryStream kept = new();
        Task keeping = Task.Run(
            () =>
            {
                byte[] some = new byte[65_536];
                for (int read; (read = far.Receive(some)) > 0;)
                {
                    kept.Write(some, 0, read);
                }
            },
            stop);
        await SendAsync(near, stop);
        near.Dispose();
        await keeping;
        return kept.Length;
    }

    private static byte[] Field(string name, string value) => [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static long Resident(int process) => 1024 * long.Parse(
        File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        CultureInfo.InvariantCulture);

    private static async Task SignalAsync(string signal, int process)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
