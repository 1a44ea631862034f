using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Audit;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Hosting;
using Cloister.Tee.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>
/// Fake devices, the real back ends, the whole enclave program and a real broker process, whose policy pins measurement, configuration and
/// the imitated vendor's root: who gets the KEK, and at which step every lie of a host ends.
/// </summary>
public sealed class BrokerEndToEndTests(SharedLiveBroker shared) : IClassFixture<SharedLiveBroker>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sgx")]
    [InlineData("tdx")]
    [InlineData("snp")]
    [InlineData("nitro")]
    [InlineData("az-snp-vtpm")]
    [InlineData("az-tdx-vtpm")]
    public async Task An_enclave_gets_its_KEK_and_uses_it(string tee)
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek);
        using Subject subject = Subject.Of(tee, broker);
        subject.Bind(files.Bytes);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));

        byte[] secret = RandomNumberGenerator.GetBytes(32);
        EncryptResponse encrypted;
        string keyId;
        await using (RunningEnclave enclave = new(files, subject.Found()))
        {
            keyId = await enclave.ReadyAsync();
            encrypted = await enclave.EncryptAsync(secret);
            Assert.Equal(keyId, encrypted.KeyId);
            Assert.Equal(secret, await enclave.DecryptAsync(encrypted));
        }

        // Another life has another attested key, and the same KEK.
        await using (RunningEnclave again = new(files, subject.Found()))
        {
            Assert.Equal(keyId, await again.ReadyAsync());
            Assert.Equal(secret, await again.DecryptAsync(encrypted));
        }

        AuditEntry[] granted = [.. await AuditAsync(broker, "lease.granted", kek)];
        Assert.Equal(2, granted.Length);
        Assert.Equal(2, granted.Select(entry => Detail(entry, "instance")).Distinct().Count());
    }

    // What lets administration onto vsock, where the host connects.
    [Fact]
    public async Task Administration_of_an_attested_enclave_shows_state_and_touches_no_KEK()
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek);
        using Subject subject = Subject.Of("nitro", broker);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));
        await using RunningEnclave enclave = new(files, subject.Found());
        string keyId = await enclave.ReadyAsync();
        Contracts.EnclaveAdmin.Admin.AdminClient admin = enclave.Administration;
        Func<Task>[] calls =
        [
            async () => await admin.CreateKekAsync(new CreateKekRequest { Name = kek }, cancellationToken: Cancellation),
            async () => await admin.ImportKekAsync(new ImportKekRequest { Name = kek, Version = 9, Key = ByteString.CopyFrom(new byte[32]) }, cancellationToken: Cancellation),
            async () => await admin.RetireKekAsync(new RetireKekRequest { KeyId = keyId }, cancellationToken: Cancellation),
            async () => await admin.WipeAsync(new WipeRequest(), cancellationToken: Cancellation),
            async () => await admin.GetEvidenceAsync(new GetEvidenceRequest { Nonce = Convert.ToBase64String(new byte[32]), Kek = kek }, cancellationToken: Cancellation),
            async () => await admin.ProvisionKekAsync(new ProvisionKekRequest { Jwe = "{}" }, cancellationToken: Cancellation),
        ];
        foreach (Func<Task> call in calls)
        {
            Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
        }

        EnclaveState state = await admin.GetStateAsync(new GetStateRequest(), cancellationToken: Cancellation);
        Assert.Equal((keyId, kek, "nitro"), (state.ActiveKeyId, state.Lease.Kek, state.Tee));
        Assert.Equal(keyId, await enclave.ReadyAsync());
    }

    public static TheoryData<string, string, string> Lies => new()
    {
        { "sgx", "other enclave", "enclave" },
        { "sgx", "old report data", "report_data" },
        { "sgx", "debug", "debug" },
        { "sgx", "other TEE's bytes", "parse_quote" },
        { "sgx", "stale TCB", "tcb.statuses" },
        { "sgx", "foreign root", "pck_chain" },
        { "sgx", "rewritten measurement", "quote_signature" },
        { "sgx", "garbage", "parse_quote" },
        { "tdx", "other enclave", "mrtd" },
        { "tdx", "other configuration", "mrconfigid" },
        { "tdx", "old report data", "report_data" },
        { "tdx", "debug", "debug" },
        { "tdx", "other TEE's bytes", "parse_quote" },
        { "tdx", "stale TCB", "tcb.statuses" },
        { "tdx", "foreign root", "pck_chain" },
        { "tdx", "rewritten measurement", "quote_signature" },
        { "tdx", "garbage", "parse_quote" },
        { "snp", "other enclave", "measurement" },
        { "snp", "other configuration", "hostData" },
        { "snp", "old report data", "report_data" },
        { "snp", "debug", "debug" },
        { "snp", "other TEE's bytes", "evidence_format" },
        { "snp", "stale TCB", "minTcb" },
        { "snp", "foreign root", "certificate_chain" },
        { "snp", "rewritten measurement", "report_signature" },
        { "snp", "garbage", "evidence_format" },
        { "nitro", "other enclave", "pcr0" },
        { "nitro", "old report data", "report_data" },
        { "nitro", "debug", "debug" },
        { "nitro", "other TEE's bytes", "document_format" },
        { "nitro", "other nonce", "nonce" },
        { "nitro", "other key", "publicKey" },
        { "nitro", "old document", "timestamp" },
        { "nitro", "old certificate", "certificate_chain" },
        { "nitro", "foreign root", "certificate_chain" },
        { "nitro", "rewritten measurement", "document_signature" },
        { "nitro", "garbage", "document_format" },
        { "az-snp-vtpm", "other enclave", "measurement" },
        { "az-snp-vtpm", "other kernel", "pcr4" },
        { "az-snp-vtpm", "no Secure Boot", "secureBoot" },
        { "az-snp-vtpm", "old report data", "report_data" },
        { "az-snp-vtpm", "other attestation key", "tpm_quote_signature" },
        { "az-snp-vtpm", "changed runtime data", "runtime_data" },
        { "az-snp-vtpm", "changed register", "tpm_pcrs" },
        { "az-snp-vtpm", "a guest's own report", "paravisor" },
        { "az-snp-vtpm", "debug", "debug" },
        { "az-snp-vtpm", "foreign root", "certificate_chain" },
        { "az-snp-vtpm", "garbage", "evidence_format" },
        { "az-tdx-vtpm", "other enclave", "mrtd" },
        { "az-tdx-vtpm", "other kernel", "pcr4" },
        { "az-tdx-vtpm", "no Secure Boot", "secureBoot" },
        { "az-tdx-vtpm", "old report data", "report_data" },
        { "az-tdx-vtpm", "other attestation key", "tpm_quote_signature" },
        { "az-tdx-vtpm", "changed runtime data", "runtime_data" },
        { "az-tdx-vtpm", "changed register", "tpm_pcrs" },
        { "az-tdx-vtpm", "a quote of another", "hardware_report" },
        { "az-tdx-vtpm", "debug", "debug" },
        { "az-tdx-vtpm", "foreign root", "pck_chain" },
        { "az-tdx-vtpm", "garbage", "evidence_format" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_lie_past_the_checks_of_the_enclave_gets_no_KEK(string tee, string lie, string step)
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek);
        using Subject subject = Subject.Of(tee, broker);
        subject.Bind(files.Bytes);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));

        await RefusedAsync(broker, files, kek, new UncheckedTee(tee, null, binding => subject.Lie(lie, binding)), step);

        // It was the lie: the same way with honest evidence gets it.
        await using RunningEnclave honest = new(files, new UncheckedTee(tee, null, binding => subject.Lie("none", binding)));
        await honest.ReadyAsync();
    }

    [Theory]
    [InlineData("sgx")]
    [InlineData("tdx")]
    [InlineData("snp")]
    [InlineData("nitro")]
    [InlineData("az-snp-vtpm")]
    [InlineData("az-tdx-vtpm")]
    public async Task Evidence_of_an_earlier_challenge_gets_no_KEK(string tee)
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek);
        using Subject subject = Subject.Of(tee, broker);
        subject.Bind(files.Bytes);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, files));
        JsonElement? recorded = null;
        await using (RunningEnclave first = new(files, new UncheckedTee(tee, null, binding => (recorded = subject.Lie("none", binding)).Value)))
        {
            await first.ReadyAsync();
        }

        await RefusedAsync(broker, files, kek, new UncheckedTee(tee, null, _ => recorded!.Value), "report_data");
    }

    [Theory]
    [InlineData("sgx", "tdx")]
    [InlineData("tdx", "sgx")]
    [InlineData("snp", "nitro")]
    [InlineData("nitro", "snp")]
    [InlineData("snp", "az-snp-vtpm")]
    [InlineData("az-snp-vtpm", "snp")]
    [InlineData("az-tdx-vtpm", "tdx")]
    public async Task An_honest_enclave_of_another_TEE_gets_no_KEK(string tee, string other)
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles files = new(broker, kek);
        using Subject subject = Subject.Of(tee, broker);
        subject.Bind(files.Bytes);
        using Subject stranger = Subject.Of(other, broker);
        await broker.Admin.MakeKekAsync(kek, Policies.Release(kek, subject.Appraisal(files.Bytes), files.Digest, stranger.Root));
        stranger.Bind(files.Bytes);
        await RefusedAsync(broker, files, kek, stranger.Found(), "tee");
    }

    [Theory]
    [InlineData("sgx")]
    [InlineData("tdx")]
    [InlineData("snp")]
    [InlineData("nitro")]
    [InlineData("az-snp-vtpm")]
    [InlineData("az-tdx-vtpm")]
    public async Task A_configuration_that_the_policy_does_not_name_gets_no_KEK(string tee)
    {
        LiveBroker broker = await shared.GetAsync();
        string kek = LiveBroker.NewKek();
        using EnclaveFiles accepted = new(broker, kek);
        using EnclaveFiles other = new(broker, kek);
        using Subject subject = Subject.Of(tee, broker);
        subject.Bind(accepted.Bytes);
        await broker.Admin.MakeKekAsync(kek, subject.Policy(kek, accepted));

        // Where the TEE measured the accepted one, the program itself would not start: this host runs another program.
        await RefusedAsync(broker, other, kek, new UncheckedTee(tee, null, binding => subject.Lie("none", binding)), "config_digest");
    }

    private static async Task RefusedAsync(LiveBroker broker, EnclaveFiles files, string kek, ITee tee, string step)
    {
        int granted = (await AuditAsync(broker, "lease.granted", kek)).Count();
        await using RunningEnclave enclave = new(files, tee);
        string problem = await enclave.FailsAsync(StatusCode.FailedPrecondition);
        Assert.Contains($"{step}:", problem, StringComparison.Ordinal);
        await Assert.ThrowsAsync<RpcException>(() => enclave.EncryptAsync(new byte[32]));
        Assert.Equal(granted, (await AuditAsync(broker, "lease.granted", kek)).Count());

        // Of what strangers are refused the first few of a kind are logged; before a policy is looked at, without its name.
        Assert.Contains(
            await broker.Admin.AuditAsync(), entry => entry.Kind == "evidence.refused" && entry.Details.Contains($"\"step\":\"{step}\"", StringComparison.Ordinal));
    }

    private static async Task<IEnumerable<AuditEntry>> AuditAsync(LiveBroker broker, string kind, string kek) =>
        (await broker.Admin.AuditAsync()).Where(entry => entry.Kind == kind && entry.Details.Contains($"\"{kek}\"", StringComparison.Ordinal));

    private static string Detail(AuditEntry entry, string name)
    {
        using JsonDocument details = JsonDocument.Parse(entry.Details);
        return details.RootElement.GetProperty(name).GetString()!;
    }
}
