using Cloister.Attestation.Appraise;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Tee.Tests.Support;
using NsmDevice = Cloister.Enclave.Tees.Nitro.NsmDevice;

namespace Cloister.Tee.Tests.Nitro;

/// <summary>A fake NSM, real verifier: what is accepted, and every lie on the way.</summary>
public sealed class NitroTests
{
    private readonly NitroMachine _machine = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_document_is_verified_and_accepted_with_nonce_and_key(bool definite)
    {
        _machine.Definite = definite;
        ITee tee = Sample.Found(_machine);
        Assert.Equal(("nitro", "nitro"), (tee.Name, tee.Evidence!.Tee));
        Assert.Null(tee.Sealer);
        AppraisalResult result = Sample.Appraise(NitroMachine.Verify(await Sample.EvidenceAsync(tee, "document")), Policies.Nitro);
        Assert.True(result.IsAccepted, string.Join('\n', result.Failures));
        Assert.Equal(["DescribePCR", "Attestation"], _machine.Asked);
    }

    [Fact]
    public async Task Without_nonce_and_key_they_are_asked_for_as_null()
    {
        byte[] document = await Sample.EvidenceAsync(Sample.Found(_machine), "document", Sample.Binding() with { Nonce = default, PublicKey = default });
        AppraisalResult result = Sample.Appraise(NitroMachine.Verify(document), Policies.Nitro);
        Assert.Equal(["nonce", "publicKey"], result.Failures.Select(failure => failure.Step).Order());
    }

    [Theory]
    [InlineData("debug", "--debug-mode")]
    [InlineData("permission", "run the enclave as root")]
    [InlineData("no driver", "NSM driver")]
    [InlineData("no ioctl", "NSM driver")]
    [InlineData("timed out", "does not answer")]
    [InlineData("refuses", "refuses (InvalidOperation)")]
    [InlineData("refuses in other words", "an unknown error")]
    public void What_keeps_it_from_starting_is_explained(string fault, string words)
    {
        FakeNode device = _machine[NsmDevice.Path];
        switch (fault)
        {
            case "debug": _machine.Pcr0 = new byte[48]; break;
            case "permission": device.Fail("open", Errno.NoAccess, 1000); break;
            case "no driver": device.Fail("open", Errno.NoSuchDevice, 1000); break;
            case "no ioctl": device.OnControl = null; break;
            case "timed out": device.Fail("control", Errno.TimedOut, 1000); break;
            case "refuses": _machine.Replace = _ => NitroMachine.Error("InvalidOperation"); break;
            case "refuses in other words": _machine.Replace = _ => NitroMachine.Error("two\nlines"); break;
            default: Assert.Fail(fault); break;
        }

        Assert.Contains(words, Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    public static TheoryData<string, BrokerFailure, string> Lies => new()
    {
        { "empty", BrokerFailure.Refused, "no possible length" },
        { "garbage", BrokerFailure.Refused, "no answer to what was asked" },
        { "cut", BrokerFailure.Refused, "no answer to what was asked" },
        { "longer", BrokerFailure.Refused, "no answer to what was asked" },
        { "other answer", BrokerFailure.Refused, "no answer to what was asked" },
        { "error", BrokerFailure.Refused, "refuses (InvalidArgument)" },
        { "internal error", BrokerFailure.Unavailable, "refuses (InternalError)" },
        { "no document", BrokerFailure.Refused, "no attestation document" },
        { "old", BrokerFailure.Refused, "does not cover" },
        { "other nonce", BrokerFailure.Refused, "does not cover" },
        { "other key", BrokerFailure.Refused, "does not cover" },
        { "no user data", BrokerFailure.Refused, "does not cover" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_lie_is_refused_and_says_what_to_do(string lie, BrokerFailure failure, string words)
    {
        ITee tee = Sample.Found(_machine);
        Func<Simulator.Nitro.NitroDocumentFields, byte[]> honest = _machine.Document;
        switch (lie)
        {
            case "empty": _machine.Replace = _ => []; break;
            case "garbage": _machine.Replace = _ => Sample.Bytes(200, 0xA5); break;
            case "cut": _machine.Replace = answer => answer[..^1]; break;
            case "longer": _machine.Replace = answer => [.. answer, 0]; break;
            case "other answer": _machine.Replace = _ => Convert.FromHexString("a16b4465736372696265504352a164646174614100"); break;
            case "error": _machine.Replace = _ => NitroMachine.Error("InvalidArgument"); break;
            case "internal error": _machine.Replace = _ => NitroMachine.Error("InternalError"); break;
            case "no document": _machine.Document = _ => Sample.Bytes(100, 0x84); break;
            case "old": _machine.Document = fields => honest(fields with { UserData = Sample.Bytes(64, 1) }); break;
            case "other nonce": _machine.Document = fields => honest(fields with { Nonce = Sample.Bytes(8, 1) }); break;
            case "other key": _machine.Document = fields => honest(fields with { PublicKey = Sample.Bytes(91, 1) }); break;
            case "no user data": _machine.Document = fields => honest(fields with { UserData = null, OmitNulls = true }); break;
            default: Assert.Fail(lie); break;
        }

        BrokerException refusal = await Sample.RefusedAsync(tee);
        Assert.Equal(failure, refusal.Failure);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_cut_and_no_changed_byte_of_an_answer_breaks_the_reader()
    {
        byte[] answer = [];
        _machine.Replace = given => answer = given;
        ITee tee = Sample.Found(_machine);
        byte[] document = await Sample.EvidenceAsync(tee, "document");
        byte[] honest = answer;
        for (int at = 0; at < honest.Length; at += at < 200 ? 1 : 37)
        {
            int position = at;
            _machine.Replace = _ => [.. honest[..position], (byte)(honest[position] ^ 0xFF), .. honest[(position + 1)..]];
            await EitherAsync(tee, document);
            _machine.Replace = _ => honest[..(position + 1)];
            await EitherAsync(tee, document);
        }
    }

    // What is not refused has at least covered what was asked; the relying party verifies the rest.
    private static async Task EitherAsync(ITee tee, byte[] document)
    {
        try
        {
            Assert.Equal(document.Length, (await Sample.EvidenceAsync(tee, "document")).Length);
        }
        catch (BrokerException e)
        {
            Sample.OneMessage(e.Message);
        }
    }
}
