using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Sockets;

namespace Cloister.Tee.Tests.Vsock;

/// <summary>Real vsock, as far as the kernel of this machine has it, and what .NET does with sockets of a family that it does not know.</summary>
public sealed partial class VsockSocketTests
{
    private const string NoLoopback = "the kernel does not lead vsock back to this machine (vsock_loopback)";

    [Fact]
    public void A_server_listens_on_vsock_and_stops()
    {
        Assert.SkipUnless(File.Exists("/dev/vsock"), "no vsock on this machine");
        uint port = FreePort();
        ServerOptions options = new() { Address = ListenAddress.Parse($"vsock:{port}", out _)! };
        EnclaveLog log = new((_, _, _) => { });
        using (GrpcServer.Start("kms", options, [], "nitro", new CallCounters(), log))
        {
            ListenException refusal = Assert.Throws<ListenException>(() => VsockListener.Bind(new VsockEndPoint(VsockEndPoint.AnyCid, port), 1));
            Assert.Contains("choose another port", refusal.Message, StringComparison.Ordinal);
        }

        using VsockListener again = VsockListener.Bind(new VsockEndPoint(VsockEndPoint.AnyCid, port), 1);
    }

    [Fact]
    public async Task Bytes_go_both_ways_on_vsock()
    {
        Assert.SkipUnless(File.Exists("/dev/vsock"), "no vsock on this machine");
        uint port = FreePort();
        using VsockListener listener = VsockListener.Bind(new VsockEndPoint(VsockEndPoint.AnyCid, port), 1);
        Socket? client = null;
        try
        {
            client = await VsockSocket.ConnectAsync(new VsockEndPoint(1, port), TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            Assert.Skip(NoLoopback);
        }

        using (client)
        {
            using Socket server = listener.Accept(10_000)!;
            await client.SendAsync("ping"u8.ToArray(), TestContext.Current.CancellationToken);
            byte[] received = new byte[4];
            Assert.Equal(4, await server.ReceiveAsync(received, TestContext.Current.CancellationToken));
            Assert.Equal("ping"u8.ToArray(), received);
            server.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await client.ReceiveAsync(received, TestContext.Current.CancellationToken));
        }
    }

    // Netlink is another family that .NET does not know, and every kernel has it: the sockets of the listener are wrapped in the same way.
    [Fact]
    public async Task NET_sends_and_receives_on_a_family_that_it_does_not_know()
    {
        int descriptor = Open(16, 3 | 0x80000, 0);
        Assert.True(descriptor >= 0);
        using Socket socket = new(new SafeSocketHandle(descriptor, ownsHandle: true));
        Assert.Null(socket.LocalEndPoint);

        // Why there is a stream of our own.
        Assert.Throws<IOException>(() => new NetworkStream(socket));
        byte[] question = new byte[32];
        BinaryPrimitives.WriteUInt32LittleEndian(question, 32);
        BinaryPrimitives.WriteUInt16LittleEndian(question.AsSpan(4), 18);
        BinaryPrimitives.WriteUInt16LittleEndian(question.AsSpan(6), 0x301);
        ValueTask<int> receiving = socket.ReceiveAsync(new byte[32 * 1024].AsMemory(), TestContext.Current.CancellationToken);
        Assert.False(receiving.IsCompleted);
        Assert.Equal(32, await socket.SendAsync(question, TestContext.Current.CancellationToken));
        Assert.True(await receiving > 16);
    }

    private static uint FreePort() => (uint)RandomNumberGenerator.GetInt32(1_000_000, int.MaxValue);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Open(int family, int type, int protocol);
}
