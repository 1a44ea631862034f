using Cloister.Contracts.Etcd;
using Cloister.Enclave.Gateway.Transport;
using Messages = Cloister.Enclave.Tests.Gateway.Etcd;

namespace Cloister.Gateway.Tests.Support;

/// <summary>A gateway with a test on both sides.</summary>
internal sealed class Pair : IAsyncDisposable
{
    private readonly FakeEtcd _fake = new();

    internal Pair(Func<GatewayOptions, GatewayOptions>? change = null, (int Id, int Value)[]? clientSettings = null, (int Id, int Value)[]? etcdSettings = null)
    {
        Gateway = new GatewayUnderTest([_fake.Endpoint], change: change);
        (Client, Etcd) = Connect(clientSettings, etcdSettings);
    }

    internal GatewayUnderTest Gateway { get; }

    internal RawPeer Client { get; }

    internal RawPeer Etcd { get; }

    /// <summary>One more connection.</summary>
    internal (RawPeer Client, RawPeer Etcd) Connect((int Id, int Value)[]? clientSettings = null, (int Id, int Value)[]? etcdSettings = null)
    {
        RawPeer client = Gateway.ConnectRaw().Begin(clientSettings ?? []);
        return (client, _fake.Accept(etcdSettings ?? []));
    }

    /// <summary>One more, whose client begins as it likes.</summary>
    internal (RawPeer Client, RawPeer Etcd) Connect(Action<RawPeer> begin)
    {
        RawPeer client = Gateway.ConnectRaw();
        begin(client);
        return (client, _fake.Accept());
    }

    /// <summary>The etcd side of a connection whose client is not here.</summary>
    internal RawPeer AcceptEtcd() => _fake.Accept();

    /// <summary>What the gateway makes of TOPSECRET for <see cref="Enclave.Tests.Gateway.Etcd.Covered"/>, on stream 1.</summary>
    internal byte[] Stored()
    {
        Client.Headers(1, false, RawPeer.Call("/etcdserverpb.KV/Txn"));
        Client.Message(1, Messages.Txn([], [Messages.PutOp(Messages.Covered, "TOPSECRET"u8.ToArray())], []), end: true);
        Etcd.NextHeaders();
        TxnRequest request = TxnRequest.Parser.ParseFrom(Etcd.NextMessage(1));
        Etcd.Headers(1, true, (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0"));
        Client.NextHeaders();
        return request.Success[0].RequestPut.Value.ToByteArray();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Etcd.Dispose();
        await Gateway.DisposeAsync();
        _fake.Dispose();
    }
}
