using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Gateway.Transport;

namespace Cloister.Gateway.Tests.Transport;

public sealed class GatewayListenerTests
{
    // O_NONBLOCK of Linux on x86-64, as /proc/PID/fdinfo shows it.
    private const int NonBlocking = 0x800;

    [Fact]
    public async Task WhatIsAcceptedBlocks()
    {
        // Otherwise .NET waits for each read with a thread that polls and one that wakes the reader, at twice the CPU time.
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        TaskCompletionSource<Socket> accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using GatewayListener listener = new(socket, client => accepted.TrySetResult(client), _ => { }, () => { });
        listener.Start();
        using Socket peer = new(SocketType.Stream, ProtocolType.Tcp);
        await peer.ConnectAsync(listener.EndPoint, TestContext.Current.CancellationToken);
        await peer.SendAsync(new byte[1], TestContext.Current.CancellationToken);

        using Socket client = await accepted.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        string flags = File.ReadLines($"/proc/self/fdinfo/{client.Handle}").First(line => line.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim();
        Assert.Equal(0, Convert.ToInt32(flags, 8) & NonBlocking);
        Assert.True(client.Blocking);
    }
}
