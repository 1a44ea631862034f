using System.Security.Cryptography;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Broker.Tests.Failures;

/// <summary>An enclave whose broker is not there: at the start, when it renews, and for longer than the lease.</summary>
public sealed class BrokerAwayTests
{
    [Fact]
    public async Task StatusIsAnErrorWhenTheLeaseIsOverAndComesBackByItself()
    {
        using BrokerFolder folder = new();
        using EnclaveFolder enclaves = new(folder);
        BrokerProcess broker = await folder.StartAsync();
        int port = broker.Url.Port;
        await using OtherBroker admin = await folder.OpenAsync(broker);
        await admin.MakeKekAsync("secrets", enclaves.Policy("15s"));
        enclaves.Configure(broker.Pin, [broker.Url]);
        await broker.KillAsync();
        await broker.DisposeAsync();

        // At the start.
        await using EnclaveProcess enclave = new(enclaves);
        Assert.Equal(StatusCode.Unavailable, (await enclave.FailsAsync("no broker answers")).StatusCode);
        broker = await folder.StartAsync(port: port);
        try
        {
            string keyId = await enclave.ReadyAsync();
            byte[] secret = RandomNumberGenerator.GetBytes(32);
            EncryptResponse encrypted = await enclave.EncryptAsync(secret);

            // When it renews: half of the lease is left at least, and it is used. Then for longer.
            await broker.KillAsync();
            await broker.DisposeAsync();
            Assert.Equal("ok", (await enclave.StatusAsync()).Healthz);
            Assert.Equal(secret, await enclave.DecryptAsync(encrypted));
            await enclave.FailsAsync("");
            await Assert.ThrowsAsync<RpcException>(() => enclave.DecryptAsync(encrypted));
            await Assert.ThrowsAsync<RpcException>(() => enclave.EncryptAsync(secret));

            broker = await folder.StartAsync(port: port);
            Assert.Equal(keyId, await enclave.ReadyAsync());
            Assert.Equal(secret, await enclave.DecryptAsync(encrypted));
        }
        finally
        {
            await broker.DisposeAsync();
        }
    }
}
