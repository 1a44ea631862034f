using Cloister.Enclave.Tests.Gateway;
using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Http2.Conformance;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Whoever stands where etcd should be shows one Secret for another: the API server gets an error, and an operator the keys.</summary>
public sealed class LyingEtcdTests
{
    private const string Mine = "/registry/secrets/team-b/mine";

    [Theory]
    [InlineData("/etcdserverpb.KV/Range")]
    [InlineData("/etcdserverpb.KV/RangeStream")]
    public async Task AGetOfOneSecretDoesNotShowAnother(string path)
    {
        await using Pair pair = new();
        byte[] answer = Etcd.Range(Etcd.KeyValue(Etcd.Covered, pair.Stored()));
        await RefusedAsync(pair, path, Etcd.Ask(Mine), path.EndsWith("Stream", StringComparison.Ordinal) ? Etcd.Nested(1, answer) : answer, ends: true);
    }

    [Fact]
    public async Task ATransactionDoesNotShowAnother()
    {
        await using Pair pair = new();
        byte[] answer = Etcd.TxnResponse(Etcd.Nested(1, Etcd.Range(Etcd.KeyValue(Etcd.Covered, pair.Stored()))));
        await RefusedAsync(pair, "/etcdserverpb.KV/Txn", Etcd.Txn([Etcd.Compare(2, Mine)], [Etcd.Nested(1, Etcd.Ask(Mine))], []), answer, ends: true);
    }

    [Fact]
    public async Task AWatchDoesNotShowAnother()
    {
        await using Pair pair = new();
        byte[] answer = Etcd.Watched(0, created: true, canceled: false, Etcd.Event(Etcd.KeyValue(Etcd.Covered, pair.Stored())));
        await RefusedAsync(pair, "/etcdserverpb.Watch/Watch", Etcd.AskWatch(Mine), answer, ends: false);
    }

    [Fact]
    public async Task WhatWasAskedForPassesInTheSameWay()
    {
        await using Pair pair = new();
        byte[] stored = pair.Stored();
        pair.Client.Ask(3);
        pair.Etcd.NextHeaders();
        pair.Etcd.Headers(3, false, Call.Begun);
        pair.Etcd.Message(3, Etcd.Range(Etcd.KeyValue(Etcd.Covered, stored)));
        Assert.Equal(Etcd.Range(Etcd.KeyValue(Etcd.Covered, "TOPSECRET"u8.ToArray())), pair.Client.NextMessage(3));
        Assert.Equal(0, pair.Gateway.Counter("gateway_answers_refused"));
    }

    [Fact]
    public async Task OnlyNamedClientsConnect()
    {
        await using Pair any = new();
        Assert.Contains(any.Gateway.Log.Lines, line => line.Contains("gateway.tls.clients", StringComparison.Ordinal));
        string name = NameOf(any.Gateway);
        await using Pair named = new(options => options with { Clients = ["kube-apiserver-etcd-client", name] });
        Assert.DoesNotContain(named.Gateway.Log.Lines, line => line.Contains("gateway.tls.clients", StringComparison.Ordinal));

        using FakeEtcd etcd = new();
        await using GatewayUnderTest others = new([etcd.Endpoint], change: options => options with { Clients = ["kube-apiserver-etcd-client", name + "x"] });
        bool refused;
        try
        {
            using System.Net.Security.SslStream stream = others.Connect();
            refused = stream.ReadByte() < 0;
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            refused = true;
        }

        Assert.True(refused);
    }

    private static string NameOf(GatewayUnderTest gateway)
    {
        using System.Security.Cryptography.X509Certificates.X509Certificate2 certificate =
            System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificateFromFile(gateway.Tls.ClientCertificate);
        return Assert.Single(Enclave.Gateway.Transport.ClientNames.Of(certificate));
    }

    private static Task RefusedAsync(Pair pair, string path, byte[] request, byte[] answer, bool ends)
    {
        pair.Client.Headers(3, false, RawPeer.Call(path));
        pair.Client.Message(3, request, ends);
        pair.Etcd.NextHeaders();

        // It answers what it was asked, not before.
        pair.Etcd.Next(FrameType.Data);
        pair.Etcd.Headers(3, false, Call.Begun);
        pair.Etcd.Message(3, answer);
        pair.Client.NextHeaders();
        Dictionary<string, string> trailers = pair.Client.NextHeaders().Fields;

        // DATA_LOSS: etcd's client does not repeat the call, and ends the watch.
        Assert.Equal("15", trailers["grpc-status"]);
        Assert.Contains("is not one to what was asked", trailers["grpc-message"], StringComparison.Ordinal);
        Assert.DoesNotContain("default", trailers["grpc-message"], StringComparison.Ordinal);
        Assert.Equal(Http2ErrorCode.Cancel, RawPeer.Code(pair.Etcd.Next(FrameType.RstStream).Payload));
        Assert.Equal((1, 0), (pair.Gateway.Counter("gateway_answers_refused"), pair.Gateway.Counter("gateway_values_decrypted")));
        Assert.Contains(pair.Gateway.Log.Lines, line => line.Contains(path, StringComparison.Ordinal) && line.Contains(Etcd.Covered, StringComparison.Ordinal));
        return Task.CompletedTask;
    }
}
