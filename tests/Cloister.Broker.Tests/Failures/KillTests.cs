using System.Security.Cryptography;
using Cloister.Attestation;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Cloister.KeyStores.Tests.Stores;
using Grpc.Core;

namespace Cloister.Broker.Tests.Failures;

/// <summary>SIGKILL under traffic: two brokers on one PostgreSQL, an enclave of theirs, and whoever else asks for leases.</summary>
public sealed class KillTests
{
    [Fact(Explicit = true)] // takes minutes on a busy machine
    public async Task KillingBrokersPostgresAndEnclaveLosesNoKeyAndNoAnsweredAuditEntry()
    {
        await using PostgresServer postgres = await PostgresServer.OwnAsync();
        using BrokerFolder folder = new(database: $"postgres:{postgres.NewDatabase()}");
        using EnclaveFolder enclaves = new(folder);
        using SimulatedEnclave other = new(TimeProvider.System, Tee.Tdx);
        BrokerProcess one = await folder.StartAsync();
        BrokerProcess two = await folder.StartAsync();
        (Uri first, Uri second, string pin) = (one.Url, two.Url, one.Pin);
        await using OtherBroker admin = await folder.OpenAsync(one);
        await admin.MakeKekAsync("secrets", enclaves.Policy("1h"));
        await admin.MakeKekAsync("others", other.Policy());
        enclaves.Configure(pin, [first, second]);
        EnclaveProcess enclave = new(enclaves);
        try
        {
            string keyId = await enclave.ReadyAsync();
            List<(byte[] Secret, EncryptResponse Encrypted)> written = [await WriteAsync(enclave)];
            await using GrantedLeases traffic = new([first, second], pin, other, "others");
            await traffic.MoreAsync(5, first);

            // Either broker may go, and the enclave with it: the one that is left gives it its KEK again.
            await one.KillAsync();
            await traffic.MoreAsync(5, second);
            enclave = await KilledWhileWritingAsync(enclave, enclaves, keyId, written);
            await one.DisposeAsync();
            one = await folder.StartAsync(port: first.Port);
            Assert.Equal(pin, one.Pin);
            await traffic.MoreAsync(5, first);
            await two.KillAsync();
            await traffic.MoreAsync(5, first);
            enclave = await KilledWhileWritingAsync(enclave, enclaves, keyId, written);
            await two.DisposeAsync();
            two = await folder.StartAsync(port: second.Port);
            await traffic.MoreAsync(5, second);

            // The database under both: no lease meanwhile, the enclave goes on with the one that it has.
            await postgres.KillAsync();
            written.Add(await WriteAsync(enclave));
            await postgres.StartAgainAsync();
            await traffic.MoreAsync(5, first);
            await traffic.MoreAsync(5, second);

            // All at once.
            await Task.WhenAll(one.KillAsync(), two.KillAsync(), postgres.KillAsync(), enclave.KillAsync());
            await postgres.StartAgainAsync();
            await one.DisposeAsync();
            await two.DisposeAsync();
            one = await folder.StartAsync(port: first.Port);
            two = await folder.StartAsync(port: second.Port);
            await traffic.MoreAsync(5, first);
            await traffic.MoreAsync(5, second);
            await enclave.DisposeAsync();
            enclave = new EnclaveProcess(enclaves);
            Assert.Equal(keyId, await enclave.ReadyAsync());
            await AssertReadableAsync(enclave, written);

            await traffic.StopAsync();
            Assert.Equal((0, 0), (await one.StopAsync(), await two.StopAsync()));
            HashSet<string> logged = await ExportedAudit.VerifyAsync(admin.State, folder);
            Assert.True(traffic.All.Count >= 45);
            Assert.Empty(traffic.All.Except(logged));
        }
        finally
        {
            await enclave.DisposeAsync();
            await one.DisposeAsync();
            await two.DisposeAsync();
        }
    }

    private static async Task<EnclaveProcess> KilledWhileWritingAsync(
        EnclaveProcess enclave, EnclaveFolder folder, string keyId, List<(byte[] Secret, EncryptResponse Encrypted)> written)
    {
        int before = written.Count;
        TaskCompletionSource some = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task writing = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    written.Add(await WriteAsync(enclave));
                    if (written.Count == before + 5)
                    {
                        some.SetResult();
                    }
                }
            }
            catch (RpcException e)
            {
                some.TrySetException(e); // killed, unless it came too early
            }
        });
        await some.Task;
        await enclave.KillAsync();
        await writing;
        await enclave.DisposeAsync();
        EnclaveProcess next = new(folder);
        Assert.Equal(keyId, await next.ReadyAsync());
        await AssertReadableAsync(next, written);
        return next;
    }

    private static async Task<(byte[] Secret, EncryptResponse Encrypted)> WriteAsync(EnclaveProcess enclave)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        return (secret, await enclave.EncryptAsync(secret));
    }

    private static async Task AssertReadableAsync(EnclaveProcess enclave, List<(byte[] Secret, EncryptResponse Encrypted)> written)
    {
        foreach ((byte[] secret, EncryptResponse encrypted) in written)
        {
            Assert.Equal(secret, await enclave.DecryptAsync(encrypted));
        }
    }
}
