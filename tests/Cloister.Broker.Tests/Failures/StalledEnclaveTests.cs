using System.Security.Cryptography;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Broker.Tests.Failures;

/// <summary>A revocation reaches an enclave whose disk, platform or log holds it up: real processes.</summary>
public sealed class StalledEnclaveTests
{
    private const string Measurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";

    [Theory]
    [InlineData("disk")]
    [InlineData("platform")]
    [InlineData("log")]
    public async Task ARevocationTakesEffectWhileNobodyReadsWhatTheEnclaveWaitsFor(string held)
    {
        using BrokerFolder folder = new();
        using EnclaveFolder enclaves = new(folder);
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        await admin.MakeKekAsync("secrets", enclaves.Policy("10s").Replace("wraps: 1000000, unwraps: 1000000", "wraps: 160, unwraps: 1000000", StringComparison.Ordinal));
        string state = Directory.CreateDirectory($"{enclaves.Folder}/state").FullName;
        string sealingKey = $"{enclaves.Folder}/sealing.key";
        enclaves.Configure(broker.Pin, [broker.Url], $"sealingKeyFile: {sealingKey}", $"state: {{ directory: {state}, sealedLease: survives-revocation }}");
        using BlockedPipe log = new($"{enclaves.Folder}/log");
        await using EnclaveProcess enclave = new(enclaves, log.Location);
        await enclave.ReadyAsync();
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        EncryptResponse encrypted = await enclave.EncryptAsync(secret);
        while (!File.Exists($"{state}/lease.sealed"))
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        using BlockedPipe? unread = held switch
        {
            "disk" => new BlockedPipe($"{state}/lease.sealed.new"),
            "platform" => new BlockedPipe(sealingKey),
            _ => null,
        };
        if (unread is null)
        {
            log.Drain();
            log.Fill();
        }

        // A renewal, and more uses than are reserved: whatever is written and logged for them is held up, and they are not.
        int renewed = await RenewalsAsync(admin);
        for (int i = 0; i < 25; i++)
        {
            await enclave.EncryptAsync(secret);
        }

        while (await RenewalsAsync(admin) < renewed + 2)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Equal(secret, await enclave.DecryptAsync(encrypted));
        await admin.RevokeAsync(RevocationKind.Measurement, Measurement);
        await enclave.FailsAsync("revoked this enclave");
        await Assert.ThrowsAsync<RpcException>(() => enclave.DecryptAsync(encrypted));
        await Assert.ThrowsAsync<RpcException>(() => enclave.EncryptAsync(secret));
    }

    [Fact]
    public async Task WithoutTheWordsForItNoCopyOfTheLeaseIsKeptAndAnOlderOneIsNotUsed()
    {
        using BrokerFolder folder = new();
        using EnclaveFolder enclaves = new(folder);
        BrokerProcess broker = await folder.StartAsync();
        string state = Directory.CreateDirectory($"{enclaves.Folder}/state").FullName;
        string simulation = $"sealingKeyFile: {enclaves.Folder}/sealing.key";
        await using (OtherBroker admin = await folder.OpenAsync(broker))
        {
            await admin.MakeKekAsync("secrets", enclaves.Policy("1h"));
            enclaves.Configure(broker.Pin, [broker.Url], simulation, $"state: {{ directory: {state}, sealedLease: survives-revocation }}");
            await using (EnclaveProcess sealing = new(enclaves))
            {
                await sealing.ReadyAsync();
                while (!File.Exists($"{state}/lease.sealed"))
                {
                    await Task.Delay(50, TestContext.Current.CancellationToken);
                }
            }
        }

        await broker.KillAsync();
        await broker.DisposeAsync();
        enclaves.Configure(broker.Pin, [broker.Url], simulation, $"state: {{ directory: {state} }}");
        await using EnclaveProcess plain = new(enclaves);
        await plain.FailsAsync("no broker answers");
        Assert.False(File.Exists($"{state}/lease.sealed"));
        Assert.Contains("no sealed copy of the lease is kept", plain.Log(), StringComparison.Ordinal);
    }

    private static async Task<int> RenewalsAsync(OtherBroker admin) => (await admin.AuditAsync()).Count(entry => entry.Kind == "lease.renewed");
}
