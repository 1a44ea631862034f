using System.Security.Cryptography;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;
using Grpc.Core;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>Restarts while the broker is away, with the sealed copy that the fake platform's own key protects.</summary>
public sealed class RestartEndToEndTests
{
    [Theory]
    [InlineData("sgx")]
    [InlineData("snp")]
    public async Task Without_its_broker_a_restarted_enclave_serves_from_the_sealed_copy_of_its_own_platform_only(string tee)
    {
        LiveBroker broker = await LiveBroker.StartAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek, keepsState: true);
        using Subject subject = Subject.Of(tee, broker);
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        EncryptResponse encrypted;
        string keyId;
        try
        {
            subject.Bind(files.Bytes);
            await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));
            await using RunningEnclave first = new(files, subject.Found());
            keyId = await first.ReadyAsync();
            encrypted = await first.EncryptAsync(secret);
        }
        finally
        {
            await broker.DisposeAsync();
        }

        string copy = Assert.Single(Directory.GetFiles(files.State));
        byte[] kept = await File.ReadAllBytesAsync(copy, TestContext.Current.CancellationToken);
        Assert.Equal(-1, kept.AsSpan().IndexOf(secret));
        await using (RunningEnclave again = new(files, subject.Found()))
        {
            Assert.Equal(keyId, await again.ReadyAsync());
            Assert.Equal(secret, await again.DecryptAsync(encrypted));
        }

        // The same files on another chip.
        subject.ChangePlatformKey();
        await using RunningEnclave elsewhere = new(files, subject.Found());
        await elsewhere.FailsAsync(StatusCode.Unavailable, "no broker answers");
        await Assert.ThrowsAsync<RpcException>(() => elsewhere.DecryptAsync(encrypted));
    }

    // Gramine answers EACCES for every quote that it does not get, AESM away included. A broker is there and is asked again.
    [Fact]
    public async Task While_the_quoting_service_fails_a_restarted_SGX_enclave_serves_from_the_sealed_copy_and_then_has_a_lease_again()
    {
        await using LiveBroker broker = await LiveBroker.StartAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek, keepsState: true);
        using Subject subject = Subject.Of("sgx", broker);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        EncryptResponse encrypted;
        await using (RunningEnclave first = new(files, subject.Found()))
        {
            await first.ReadyAsync();
            encrypted = await first.EncryptAsync(secret);
        }

        subject.Machine[GramineFiles.Quote].Fail("open", Errno.NoAccess, 1000);
        await using RunningEnclave again = new(files, subject.Found());
        await again.ReadyAsync();
        Assert.Equal(secret, await again.DecryptAsync(encrypted));
        LeaseState restored = await LeaseAsync(again);
        Assert.True(restored.Restored);
        Assert.Contains("AESM", restored.Failure, StringComparison.Ordinal);

        subject.Machine[GramineFiles.Quote].Errors["open"].Clear();
        long deadline = Environment.TickCount64 + 60_000;
        while ((await LeaseAsync(again)).Restored)
        {
            Assert.True(Environment.TickCount64 < deadline, "a lease of the broker takes the copy's place");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_place_that_cannot_be_written_costs_the_sealed_copy_and_nothing_else()
    {
        await using LiveBroker broker = await LiveBroker.StartAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek, keepsState: true);
        using Subject subject = Subject.Of("sgx", broker);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));
        Directory.CreateDirectory(Path.Combine(files.State, "lease.sealed.new"));
        await using RunningEnclave enclave = new(files, subject.Found());
        await enclave.ReadyAsync();
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        Assert.Equal(secret, await enclave.DecryptAsync(await enclave.EncryptAsync(secret)));
        Assert.False(File.Exists(Path.Combine(files.State, "lease.sealed")));
    }

    [Theory]
    [InlineData("tdx")]
    [InlineData("snp")]
    public async Task A_configuration_that_the_platform_did_not_measure_keeps_it_from_starting(string tee)
    {
        await using LiveBroker broker = await LiveBroker.StartAsync();
        using EnclaveFiles files = new(broker, LiveBroker.NewKek());
        using Subject subject = Subject.Of(tee, broker);
        subject.Bind([.. files.Bytes, (byte)'\n']);
        Assert.Equal(1, await EnclaveProgram.RunAsync(["--config", files.Path], new EnclaveParts { Program = "cloister-enclave", Tee = subject.Found(), LeaveReadable = true }));
        Assert.False(File.Exists(files.KmsSocket));
    }

    [Theory]
    [InlineData("tdx")]
    [InlineData("nitro")]
    public async Task Where_nothing_seals_a_state_folder_keeps_it_from_starting(string tee)
    {
        await using LiveBroker broker = await LiveBroker.StartAsync();
        using EnclaveFiles files = new(broker, LiveBroker.NewKek(), keepsState: true);
        using Subject subject = Subject.Of(tee, broker);
        Assert.Equal(1, await EnclaveProgram.RunAsync(["--config", files.Path], new EnclaveParts { Program = "cloister-enclave", Tee = subject.Found(), LeaveReadable = true }));
        Assert.Empty(Directory.GetFiles(files.State));
    }

    private static async Task<LeaseState> LeaseAsync(RunningEnclave enclave) =>
        (await enclave.Administration.GetStateAsync(new GetStateRequest(), cancellationToken: TestContext.Current.CancellationToken)).Lease;
}
