using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>An etcd that is connected and reads nothing. Alone, as the memory of the process is looked at.</summary>
[Collection(nameof(Alone))]
public sealed class HangingEtcdTests
{
    private const int Rounds = 12;
    private const int CallsInARound = 1000;

    // What is on the wire, in sockets' buffers and in the gateway; what is sent below is 140 MB.
    private const long Bound = 32L * 1024 * 1024;

    [Fact]
    public async Task CallsThatWaitForItHoldTheirClientUp()
    {
        await using Pair pair = new();
        byte[] block = RawPeer.Block(RawPeer.Call("/etcdserverpb.KV/Range", ("x-padding", new string('x', 12_000))));
        byte[] asked = RawPeer.Framed(Etcd.AskAll());
        byte[] cancel = [0, 0, 0, (byte)Http2ErrorCode.Cancel];
        long sent = 0;
        long before = Resident();
        long most = before;
        int stream = 1;
        pair.Client.WriteTimeout = 5000;
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                // Slow enough to be no flood.
                await Task.Delay(1000, TestContext.Current.CancellationToken);
                for (int i = 0; i < CallsInARound; i++, stream += 2)
                {
                    pair.Client.Send(FrameType.Headers, FrameHeader.EndHeaders, stream, block);
                    pair.Client.Send(FrameType.Data, FrameHeader.EndStream, stream, asked);
                    pair.Client.Send(FrameType.RstStream, 0, stream, cancel);
                    sent += block.Length;
                    most = i % 100 == 0 ? Math.Max(most, Resident()) : most;
                }
            }
        }
        catch (IOException)
        {
            // Nothing more is read: the client waits, and has waited long enough.
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{sent >> 20} MiB were taken; resident: {before >> 20} MiB before, at most {most >> 20} MiB");
        Assert.InRange(Math.Min(sent, most - before), long.MinValue, Bound);
    }

    private static long Resident() => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        System.Globalization.CultureInfo.InvariantCulture) * 1024;
}
