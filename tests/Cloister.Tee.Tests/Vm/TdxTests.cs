using System.Security.Cryptography;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vm;
using Cloister.Simulator.Dcap;
using Cloister.Tee.Tests.Support;
using TeeKind = Cloister.Attestation.Tee;

namespace Cloister.Tee.Tests.Vm;

/// <summary>A fake trust domain, real verifier: what is accepted, and what is refused at start and later.</summary>
public sealed class TdxTests
{
    private readonly TdxMachine _machine = new();

    [Theory]
    [InlineData(4, int.MaxValue)]
    [InlineData(5, int.MaxValue)]
    [InlineData(5, 100)]
    public async Task Quotes_of_both_versions_are_verified_and_accepted(int version, int chunk)
    {
        _machine.Domain = version == 5 ? TdxMachine.Version15(_machine.Domain) : _machine.Domain;
        _machine.Prepare = entry => _machine[entry + "/outblob"].Chunk = chunk;
        ITee tee = Sample.Found(_machine);
        Assert.Equal(("tdx", "tdx"), (tee.Name, tee.Evidence!.Tee));
        byte[] quote = await Sample.EvidenceAsync(tee, "quote");
        Assert.Equal(version, quote[0]);
        AppraisalResult result = Sample.Appraise(_machine.Vendor.Verify(TeeKind.Tdx, quote), Policies.Tdx("any"));
        Assert.True(result.IsAccepted, string.Join('\n', result.Failures));
        Assert.Empty(_machine.Entries);
    }

    [Fact]
    public async Task A_TD_1_0_body_in_a_quote_of_version_5_is_read()
    {
        _machine.Out = data => _machine.Vendor.Platform.Quote(new DcapQuoteRequest { Version = 5, TeeType = 0x81, Body = (_machine.Domain with { ReportData = data }).Encode() });
        Assert.True(_machine.Vendor.Verify(TeeKind.Tdx, await Sample.EvidenceAsync(Sample.Found(_machine), "quote")).IsAuthentic);
    }

    [Fact]
    public void It_starts_without_the_hosts_help_and_seals_nothing()
    {
        _machine.Out = _ => throw new InvalidOperationException("no quote is needed to start");
        Assert.Null(Sample.Found(_machine).Sealer);
        Assert.Equal(0, _machine.Made);
    }

    [Fact]
    public async Task The_bound_configuration_starts_and_a_policy_that_pins_it_accepts()
    {
        byte[] digest = SHA384.HashData(Sample.Configuration);
        _machine.Domain = _machine.Domain with { MrConfigId = digest };
        ITee tee = Sample.Found(_machine);
        Assert.StartsWith("bound by MRCONFIGID", tee.CheckConfiguration(Sample.Configuration), StringComparison.Ordinal);
        VerificationResult verified = _machine.Vendor.Verify(TeeKind.Tdx, await Sample.EvidenceAsync(tee, "quote"));
        Assert.True(Sample.Appraise(verified, Policies.Tdx($"\"{Convert.ToHexStringLower(digest)}\"")).IsAccepted);
        AppraisalResult other = Sample.Appraise(verified, Policies.Tdx($"\"{new string('a', 96)}\""));
        Assert.Equal(ClaimNames.MrConfigId, Assert.Single(other.Failures).Step);
    }

    [Fact]
    public void Another_configuration_is_refused_with_both_digests()
    {
        _machine.Domain = _machine.Domain with { MrConfigId = SHA384.HashData("other"u8) };
        StartException refusal = Assert.Throws<StartException>(() => Sample.Found(_machine).CheckConfiguration(Sample.Configuration));
        Sample.OneMessage(refusal.Message);
        Assert.Contains(Convert.ToHexStringLower(SHA384.HashData("other"u8)), refusal.Message, StringComparison.Ordinal);
        Assert.Contains(Convert.ToHexStringLower(SHA384.HashData(Sample.Configuration)), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_that_nothing_binds_is_said_so() =>
        Assert.StartsWith("NOT BOUND", Sample.Found(_machine).CheckConfiguration(Sample.Configuration), StringComparison.Ordinal);

    [Fact]
    public void A_debug_domain_does_not_start()
    {
        _machine.Domain = _machine.Domain with { TdAttributes = new byte[] { 1, 0, 0, 0x10, 0, 0, 0, 0 } };
        Assert.Contains("without debug", Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no configfs", "mount configfs")]
    [InlineData("permission", "run the enclave as root")]
    [InlineData("no device behind it", "modprobe tdx-guest")]
    [InlineData("no ioctl", "modprobe tdx-guest")]
    [InlineData("input-output", "dmesg")]
    [InlineData("another type", "no report of this trust domain")]
    [InlineData("other report data", "no report of this trust domain")]
    public void What_keeps_it_from_starting_is_explained(string fault, string words)
    {
        FakeNode device = _machine[TdReport.Device];
        switch (fault)
        {
            case "no configfs": _machine.Folders.Clear(); break;
            case "permission": device.Fail("open", Errno.NoAccess, 1000); break;
            case "no device behind it": device.Fail("open", Errno.NoSuchDevice, 1000); break;
            case "no ioctl": device.OnControl = null; break;
            case "input-output": device.Fail("control", Errno.InputOutput, 1000); break;
            case "another type": _machine.Lie = report => report[0] = 0; break;
            case "other report data": _machine.Lie = report => report[130] ^= 1; break;
            default: Assert.Fail(fault); break;
        }

        Assert.Contains(words, Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sgx", "no TDX quote")]
    [InlineData("version 6", "newer than this enclave knows")]
    [InlineData("body type", "no TDX quote")]
    [InlineData("cut", "no TDX quote")]
    [InlineData("old", "does not cover")]
    [InlineData("other domain", "another trust domain")]
    [InlineData("other configuration", "another trust domain")]
    [InlineData("debug domain", "another trust domain")]
    public async Task A_quote_that_is_not_ours_is_refused(string lie, string words)
    {
        ITee tee = Sample.Found(_machine);
        TdReportFields own = _machine.Domain;
        DcapPlatform platform = _machine.Vendor.Platform;
        _machine.Out = lie switch
        {
            "sgx" => data => platform.QuoteSgx(new EnclaveReportFields { ReportData = data }),
            "version 6" => data => Changed(platform.QuoteTdx(own with { ReportData = data }), 0, 6),
            "body type" => data => Changed(platform.QuoteTdx(TdxMachine.Version15(own) with { ReportData = data }), 48, 2),
            "cut" => data => platform.QuoteTdx(own with { ReportData = data })[..632],
            "old" => _ => platform.QuoteTdx(own with { ReportData = Sample.Binding(99).ReportData }),
            "other domain" => data => platform.QuoteTdx(own with { MrTd = Sample.Bytes(48, 1), ReportData = data }),
            "other configuration" => data => platform.QuoteTdx(own with { MrConfigId = Sample.Bytes(48, 1), ReportData = data }),
            "debug domain" => data => platform.QuoteTdx(own with { TdAttributes = new byte[] { 1, 0, 0, 0x10, 0, 0, 0, 0 }, ReportData = data }),
            _ => throw new ArgumentOutOfRangeException(nameof(lie)),
        };
        BrokerException refusal = await Sample.RefusedAsync(tee);
        Assert.Equal(BrokerFailure.Refused, refusal.Failure);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_machine.Entries);
    }

    private static byte[] Changed(byte[] quote, int at, byte value)
    {
        quote[at] = value;
        return quote;
    }
}
