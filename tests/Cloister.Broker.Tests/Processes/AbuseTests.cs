using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Clients that open much and send little, or send too much: they are cut off, and others are served meanwhile.</summary>
public sealed class AbuseTests(SharedBroker shared)
{
    [Fact]
    public async Task TlsBefore13IsRefused()
    {
        RunningPair broker = await shared.GetAsync();
#pragma warning disable CA5398, SYSLIB0039 // an old version on purpose
        await Assert.ThrowsAnyAsync<Exception>(() => RawConnection.OpenAsync(broker.Process.Url, SslProtocols.Tls12));
#pragma warning restore CA5398, SYSLIB0039
    }

    [Theory]
    [InlineData(KbsPaths.Attest, "401")]
    [InlineData(KbsPaths.Lease, "400")]
    public async Task ABodyThatIsTooLongIsRefusedBeforeItIsSent(string path, string status)
    {
        RunningPair broker = await shared.GetAsync();
        await using RawConnection connection = await RawConnection.OpenAsync(broker.Process.Url);
        await connection.SendAsync($"POST {path} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\nContent-Length: {KbsPaths.MaxBodySize + 1}\r\n\r\n");

        string answer = await connection.ReadToEndAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("/BadRequest", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABodyOfUnknownLengthIsCutOffToo()
    {
        RunningPair broker = await shared.GetAsync();
        await using RawConnection connection = await RawConnection.OpenAsync(broker.Process.Url);
        await connection.SendAsync($"POST {KbsPaths.Lease} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
        await connection.SendAsync($"{KbsPaths.MaxBodySize + 1:x}\r\n\"");
        await connection.SendAsync(new string('x', KbsPaths.MaxBodySize));

        Assert.Contains("/BadRequest", await connection.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /health")]
    [InlineData("POST /kbs/v0/auth HTTP/1.1\r\nHost: broker\r\nContent-Length: 500\r\n\r\n{")]
    public async Task WhoSendsTooSlowlyIsCutOff(string beginning)
    {
        RunningPair broker = await shared.GetAsync();
        await using RawConnection connection = await RawConnection.OpenAsync(broker.Process.Url);
        await connection.SendAsync(beginning);

        await connection.ReadToEndAsync(); // ends
        await broker.Client.AuthAsync();
    }

    [Fact]
    public async Task ThousandsOfHalfOpenConnectionsKeepNobodyOutAndAreClosed()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        List<Socket> halfOpen = [];
        try
        {
            for (int i = 0; i < 2000; i++)
            {
                Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                halfOpen.Add(socket);
                await socket.ConnectAsync(broker.Process.Url.Host, broker.Process.Url.Port, TestContext.Current.CancellationToken);
                if (i % 2 == 0)
                {
                    await socket.SendAsync((byte[])[0x16, 0x03, 0x01], TestContext.Current.CancellationToken); // the beginning of a handshake
                }
            }

            ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
            using CancellationTokenSource limit = new(BrokerProcess.Timeout);
            foreach (Socket socket in halfOpen)
            {
                await ReadToEndAsync(socket, limit.Token);
            }
        }
        finally
        {
            halfOpen.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task ChallengesThatNobodyAnswersLeaveNothingBehind()
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        await broker.Client.AuthAsync();
        int entries = (await broker.Admin.AuditAsync()).Count;
        long size = new FileInfo($"{folder.Folder}/broker.db-wal").Length;

        for (int i = 0; i < 200; i++)
        {
            await broker.Client.AuthAsync();
        }

        Assert.Equal(entries, (await broker.Admin.AuditAsync()).Count);
        Assert.Equal(size, new FileInfo($"{folder.Folder}/broker.db-wal").Length);
    }

    private static async Task ReadToEndAsync(Socket socket, CancellationToken cancellation)
    {
        byte[] buffer = new byte[256];
        try
        {
            while (await socket.ReceiveAsync(buffer, cancellation) > 0)
            {
                // An alert, perhaps.
            }
        }
        catch (SocketException)
        {
            // Closed the hard way.
        }
    }
}
