using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Tests;

/// <summary>What a TLS client sees of a broker that issues its own certificate.</summary>
public sealed class TlsIdentityTests
{
    [Fact]
    public async Task A_client_is_sent_the_authority_that_it_pins()
    {
        using BrokerAuthority authority = new(ECDsa.Create(ECCurve.NamedCurves.nistP256));
        using TlsIdentity identity = authority.IssueTlsIdentity(CertificateRole.Broker, DateTimeOffset.UtcNow);
        (Stream one, Stream other) = Pair();
        await using SslStream server = new(one);
        bool seen = false;
        await using SslStream client = new(other, false, (_, _, chain, _) =>
            seen = chain!.ChainPolicy.ExtraStore.Any(sent => PinOf(sent) == authority.Pin));
        Task accepting = server.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(identity.Leaf, [identity.Authority], offline: true),
                EnabledSslProtocols = SslProtocols.Tls13,
            },
            TestContext.Current.CancellationToken);
        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "broker" }, TestContext.Current.CancellationToken);
        await accepting;

        Assert.True(seen);
    }

    private static string PinOf(X509Certificate2 certificate) =>
        $"sha256:{Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))}";

    private static (Stream One, Stream Other) Pair()
    {
        Pipe there = new();
        Pipe back = new();
        return (new Duplex(back.Reader.AsStream(), there.Writer.AsStream()), new Duplex(there.Reader.AsStream(), back.Writer.AsStream()));
    }

    private sealed class Duplex(Stream reader, Stream writer) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => reader.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => reader.ReadAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => writer.Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => writer.WriteAsync(buffer, cancellationToken);

        public override void Flush() => writer.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => writer.FlushAsync(cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
