using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A TLS connection on which tests send what no HTTP client would.</summary>
internal sealed class RawConnection : IAsyncDisposable
{
    private readonly TcpClient _tcp = new();
    private readonly SslStream _tls;

    private RawConnection(Uri url)
    {
        _tcp.Connect(url.Host, url.Port);
        _tls = new SslStream(_tcp.GetStream(), false, (_, shown, _, _) => shown is not null);
    }

    public static async Task<RawConnection> OpenAsync(Uri url, SslProtocols protocols = SslProtocols.Tls13)
    {
        RawConnection connection = new(url);
        try
        {
            await connection._tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions { TargetHost = "broker", EnabledSslProtocols = protocols }, TestContext.Current.CancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async Task SendAsync(string text) => await _tls.WriteAsync(Encoding.ASCII.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>What the server sends until it closes the connection.</summary>
    public async Task<string> ReadToEndAsync()
    {
        using CancellationTokenSource limit = new(BrokerProcess.Timeout);
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        try
        {
            for (int read; (read = await _tls.ReadAsync(buffer, limit.Token)) > 0;)
            {
                text.Append(Encoding.ASCII.GetString(buffer, 0, read));
            }
        }
        catch (IOException)
        {
            // Closed the hard way.
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _tls.DisposeAsync();
        _tcp.Dispose();
    }
}
