using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Dev;

public sealed class DevGatewayTests : IDisposable
{
    private const string Key = "/registry/secrets/default/db";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("manual")]
    [InlineData("remote")]
    [InlineData("passthrough")]
    [InlineData("attested")]
    public async Task The_gateway_encrypts_with_every_custody_and_has_its_address_again(string custody)
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        string url;
        await using (DevEnclave first = await DevEnclave.StartAsync(_folder["d"], "--custody", custody, "--etcd", etcd.Url))
        {
            url = await File.ReadAllTextAsync(_folder["d/gateway/url"], Stop);
            Assert.Equal(url, (string)first.Ready["gateway"]!);
            using GrpcChannel channel = Through();
            RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(Key), Value = ByteString.CopyFromUtf8("TOPSECRET") } };
            await new KV.KVClient(channel).TxnAsync(new TxnRequest { Success = { put } }, cancellationToken: Stop);
            using GrpcChannel direct = GrpcChannel.ForAddress(etcd.Url);
            Assert.StartsWith("k8s:enc:kms:v2:tee:", (await ReadAsync(direct)).ToString(System.Text.Encoding.Latin1), StringComparison.Ordinal);
        }

        // Started again: the same address, certificates and keys.
        await using DevEnclave second = await DevEnclave.StartAsync(_folder["d"], "--custody", custody, "--etcd", etcd.Url);
        Assert.Equal(url, await File.ReadAllTextAsync(_folder["d/gateway/url"], Stop));
        using GrpcChannel again = Through();
        Assert.Equal("TOPSECRET", (await ReadAsync(again)).ToStringUtf8());
        CliResult state = await CliProcess.RunAsync("kek", "list", "--socket", second.AdminSocket, "--output", "json");
        Assert.Contains("gateway_values_decrypted", state.MustSucceed().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sealed_gateway_does_not_hand_out_what_was_planted()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await etcd.PutAsync(Key, "planted"u8.ToArray());
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--etcd", etcd.Url, "--gateway-mode", "sealed");
        using GrpcChannel channel = Through();
        string handedOut = (await ReadAsync(channel)).ToStringUtf8();
        Assert.StartsWith($$"""{"apiVersion":"cloister.dev/refused","kind":"{{Key}} is in clear in etcd""", handedOut, StringComparison.Ordinal);
        Assert.DoesNotContain("planted", handedOut, StringComparison.Ordinal);
    }

    private static async Task<ByteString> ReadAsync(GrpcChannel channel)
    {
        RangeResponse found = await new KV.KVClient(channel).RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(Key) }, cancellationToken: Stop);
        return Assert.Single(found.Kvs).Value;
    }

    // As an API server: with the files that stand in the folder.
    private GrpcChannel Through()
    {
        string url = File.ReadAllText(_folder["d/gateway/url"]);
        EtcdOptions options = EtcdOptions.Create(url, _folder["d/gateway/ca.crt"], _folder["d/gateway/client.crt"], _folder["d/gateway/client.key"]);
        return GrpcChannel.ForAddress(url, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { SslOptions = EtcdTls.Create(options) }, DisposeHttpClient = true });
    }
}
