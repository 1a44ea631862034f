using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vtpm;
using Cloister.Simulator.Azure;
using Cloister.Tee.Tests.Support;
using TeeKind = Cloister.Attestation.Tee;

namespace Cloister.Tee.Tests.Vtpm;

/// <summary>The back end of Azure's confidential VMs on a real TPM of software: evidence, what is refused before it goes out, and what sealed state hangs on.</summary>
public sealed class AzureTests
{
    private static readonly EvidenceBinding Asked = new((byte[])[.. Sample.Bytes(48, 5), .. new byte[16]], default, default);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Evidence_covers_what_was_asked(bool isTdx)
    {
        using AzureMachine machine = new(isTdx ? new DcapMint() : null);
        ITee tee = Sample.Found(machine);
        Assert.Equal(isTdx ? "az-tdx-vtpm" : "az-snp-vtpm", tee.Name);
        JsonElement json = await tee.Evidence!.GetAsync(Asked, Cancellation);
        AzureEvidence evidence = AzureEvidence.Parse(isTdx ? TeeKind.AzureTdx : TeeKind.AzureSnp, JsonSerializer.SerializeToUtf8Bytes(json));
        Assert.Null(AzureVerifier.CheckQuote(evidence));
        Assert.Equal(Sample.Bytes(48, 5), evidence.Quote.QualifyingData.ToArray());
        Assert.Equal(24, evidence.Registers.Count);
        VerificationResult hardware = isTdx
            ? machine.Intel!.Verify(TeeKind.Tdx, evidence.TdQuote.ToArray())
            : AzureVerifier.VerifyReport(evidence, SnpMachine.Endorsements, TrustAnchors.Of(SnpMachine.Endorsements.Authorities), VerificationTime.At(DcapMint.Now));
        VerificationResult result = AzureVerifier.Conclude(evidence, hardware);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Equal(0, machine.Tpm.Held());
    }

    [Fact]
    public void A_VM_with_a_TPM_alone_is_no_TEE()
    {
        using AzureMachine machine = new(null);
        machine.Tpm.WriteReport(Sample.Bytes(2000, 0));
        Assert.Contains("no report of Azure's paravisor", Sample.NotFound(machine), StringComparison.Ordinal);
        machine.Tpm.WriteReport(machine.Report(AzureVtpm.RuntimeData(machine.Tpm.AttestationKey), AzureVtpm.RuntimeData(new System.Security.Cryptography.RSAParameters { Modulus = new byte[256], Exponent = [1, 0, 1] })));
        Assert.Contains("no report of Azure's paravisor", Sample.NotFound(machine), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Debug_is_refused_at_start(bool isTdx)
    {
        using AzureMachine machine = new(isTdx ? new DcapMint() : null);
        machine.Paravisor = machine.Paravisor with { Policy = 0xB_0000 };
        machine.Domain = machine.Domain with { TdAttributes = new byte[] { 1, 0, 0, 0x10, 0, 0, 0, 0 } };
        machine.Start();
        Assert.Contains("debug", Sample.NotFound(machine), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quote_of_something_else_does_not_go_out()
    {
        using AzureMachine machine = new(null);
        ITee tee = Sample.Found(machine);
        byte[]? old = null;
        machine.Tpm.OnAnswer = (command, answer) => command[8] == 0x01 && command[9] == 0x58 ? old ??= answer : answer;
        await tee.Evidence!.GetAsync(Asked, Cancellation);
        BrokerException refusal = await Sample.RefusedAsync(tee, new EvidenceBinding((byte[])[.. Sample.Bytes(48, 6), .. new byte[16]], default, default));
        Assert.Contains("does not cover what was asked", refusal.Message, StringComparison.Ordinal);
        refusal = await Sample.RefusedAsync(tee, new EvidenceBinding(Sample.Bytes(64, 6), default, default));
        Assert.Contains("no room", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"quote\":7}")]
    [InlineData("{\"quote\":\"!\"}")]
    [InlineData("{\"quote\":\"AAAA\"}")]
    [InlineData("")]
    public async Task What_the_local_service_answers_wrongly_is_named(string answer)
    {
        using AzureMachine machine = new(new DcapMint());
        ITee tee = Sample.Found(machine);
        machine.OnQuote = _ => answer;
        Assert.Contains("local quote service", (await Sample.RefusedAsync(tee, Asked)).Message, StringComparison.Ordinal);
        machine.OnQuote = null;
        await tee.Evidence!.GetAsync(Asked, Cancellation);
    }

    [Fact]
    public async Task Every_answer_that_is_cut_short_is_no_answer()
    {
        using AzureMachine machine = new(null);
        ITee tee = Sample.Found(machine);
        for (int less = 1; less < 60; less += 7)
        {
            machine.Tpm.OnAnswer = (_, answer) => answer[..Math.Max(0, answer.Length - less)];
            await Sample.RefusedAsync(tee, Asked);
        }
    }

    [Fact]
    public void The_sealing_key_hangs_on_registers_configuration_and_TPM()
    {
        using AzureMachine machine = new(null);
        byte[] first = Key(machine, Sample.Configuration);
        Assert.Equal(first, Key(machine, Sample.Configuration));
        Assert.NotEqual(first, Key(machine, Sample.Bytes(9, 1)));
        machine.Tpm.Extend(16);
        Assert.Equal(first, Key(machine, Sample.Configuration));
        using AzureMachine other = new(null);
        Assert.NotEqual(first, Key(other, Sample.Configuration));
        machine.Tpm.Extend(9);
        Assert.NotEqual(first, Key(machine, Sample.Configuration));
        Assert.Equal(0, machine.Tpm.Held());
    }

    [Fact]
    public void A_bound_key_is_not_usable_once_a_register_changed()
    {
        using AzureMachine machine = new(null);
        using TpmChannel tpm = new(machine);
        bool extended = false;
        machine.Tpm.OnAnswer = (command, answer) =>
        {
            // Between the key's creation, for the registers as they were, and the policy that is to prove them.
            if (command[8] == 0x01 && command[9] == 0x31 && !extended)
            {
                extended = true;
                machine.Tpm.Extend(9);
            }

            return answer;
        };
        byte[] key = new byte[32];
        Exception refusal = Assert.ThrowsAny<Exception>(() => Tpm.DeriveBound(tpm, AzureSealer.BoundRegisters, "label"u8, key));
        Assert.Contains("the TPM refused", refusal.Message, StringComparison.Ordinal);
        Assert.True(extended);
        Assert.Equal(new byte[32], key);
    }

    [Fact]
    public void A_TPM_that_this_user_may_not_open_is_named()
    {
        using AzureMachine machine = new(null);
        machine[TpmChannel.Device].Fail("open", Errno.NoAccess);
        Assert.Contains("/dev/tpmrm0", Sample.NotFound(machine), StringComparison.Ordinal);
    }

    private static byte[] Key(AzureMachine machine, byte[] configuration)
    {
        ITee tee = Sample.Found(machine);
        tee.CheckConfiguration(configuration);
        using SecretArena arena = new(4);
        ISealer sealer = tee.Sealer!;
        using SecretKey key = sealer.SealingKey(arena);
        return SealedCopy.BytesOf(key);
    }
}
