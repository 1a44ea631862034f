using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Attestation.Appraise;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Vm;

/// <summary>A fake SEV-SNP guest, real verifier: what is accepted, and what is refused at start and later.</summary>
public sealed class SnpTests
{
    private readonly SnpMachine _machine = new();

    [Fact]
    public async Task A_report_with_the_hosts_certificates_is_verified_and_accepted()
    {
        ITee tee = Sample.Found(_machine);
        Assert.Equal(("snp", "snp"), (tee.Name, tee.Evidence!.Tee));
        JsonElement evidence = await tee.Evidence.GetAsync(Sample.Binding(), TestContext.Current.CancellationToken);
        AppraisalResult result = Sample.Appraise(
            SnpMachine.Verify(evidence.GetProperty("report").GetBytesFromBase64(), evidence.GetProperty("certs").GetBytesFromBase64()), Policies.Snp);
        Assert.True(result.IsAccepted, string.Join('\n', result.Failures));
        Assert.Empty(_machine.Entries);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Below_an_SVSM_the_report_names_the_level_that_a_policy_pins(int level)
    {
        _machine.Floor = level;
        JsonElement evidence = await Sample.Found(_machine).Evidence!.GetAsync(Sample.Binding(), TestContext.Current.CancellationToken);
        (byte[] report, byte[] certificates) = (evidence.GetProperty("report").GetBytesFromBase64(), evidence.GetProperty("certs").GetBytesFromBase64());
        string pinned = Policies.Snp.Replace("vmpl: [0]", $"vmpl: [{level}]", StringComparison.Ordinal);
        Assert.True(Sample.Appraise(SnpMachine.Verify(report, certificates), pinned).IsAccepted);
        Assert.Equal(level == 0, Sample.Appraise(SnpMachine.Verify(report, certificates), Policies.Snp).IsAccepted);
    }

    [Fact]
    public void A_floor_that_is_no_level_is_named()
    {
        _machine.Floor = 4;
        Assert.Contains("privlevel_floor", Sample.NotFound(_machine), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_certificates_the_report_goes_alone()
    {
        _machine.Aux = null;
        JsonElement evidence = await Sample.Found(_machine).Evidence!.GetAsync(Sample.Binding(), TestContext.Current.CancellationToken);
        Assert.Equal("", evidence.GetProperty("certs").GetString());
        Assert.Equal(1184, evidence.GetProperty("report").GetBytesFromBase64().Length);
    }

    [Fact]
    public void HOST_DATA_is_SHA256_of_the_configuration_or_nothing()
    {
        Assert.StartsWith("NOT BOUND", Sample.Found(_machine).CheckConfiguration(Sample.Configuration), StringComparison.Ordinal);
        _machine.Guest = _machine.Guest with { HostData = SHA256.HashData(Sample.Configuration) };
        ITee bound = Sample.Found(_machine);
        Assert.StartsWith("bound by HOST_DATA", bound.CheckConfiguration(Sample.Configuration), StringComparison.Ordinal);
        StartException refusal = Assert.Throws<StartException>(() => bound.CheckConfiguration("other"u8.ToArray()));
        Sample.OneMessage(refusal.Message);
        Assert.Contains("another configuration", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("debug", "policy without debug")]
    [InlineData("wrong provider", "'tdx_guest' and 'sev_guest' was expected")]
    [InlineData("garbage", "no SEV-SNP report")]
    [InlineData("short", "no SEV-SNP report")]
    [InlineData("version 1", "no SEV-SNP report")]
    [InlineData("version 6", "newer than this enclave knows")]
    [InlineData("old", "does not cover")]
    [InlineData("no configfs", "mount configfs")]
    [InlineData("permission", "run the enclave as root")]
    [InlineData("busy", "busy")]
    public async Task What_is_wrong_keeps_it_from_starting_and_from_attesting(string fault, string words)
    {
        ITee before = Sample.Found(_machine);
        switch (fault)
        {
            case "debug": _machine.Guest = _machine.Guest with { Policy = 0xB_0000 }; break;
            case "wrong provider": _machine.Provider = "tdx_guest"; break;
            case "garbage": _machine.Out = _ => Sample.Bytes(1184, 0xA5); break;
            case "short": _machine.Out = data => SnpMachine.Sign(_machine.Guest with { ReportData = data })[..1183]; break;
            case "version 1": _machine.Out = data => SnpMachine.Sign(_machine.Guest with { Version = 1, ReportData = data }); break;
            case "version 6": _machine.Out = data => SnpMachine.Sign(_machine.Guest with { Version = 6, ReportData = data }); break;
            case "old": _machine.Out = _ => SnpMachine.Sign(_machine.Guest with { ReportData = Sample.Bytes(64, 1) }); break;
            case "no configfs": _machine.Folders.Clear(); break;
            case "permission": _machine.Prepare = entry => _machine[entry + "/inblob"].Fail("open", Errno.NoAccess); break;
            case "busy": _machine.Prepare = entry => _machine[entry + "/outblob"].Fail("read", Errno.Busy); break;
            default: Assert.Fail(fault); break;
        }

        Assert.Contains(words, Sample.NotFound(_machine), StringComparison.Ordinal);
        BrokerException refusal = await Sample.RefusedAsync(before);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_machine.Entries);
    }

    [Fact]
    public async Task A_lie_about_the_measurement_is_refused_by_the_verifier()
    {
        byte[] report = await Sample.EvidenceAsync(Sample.Found(_machine), "report");
        report[0x90] ^= 1;
        Assert.Equal("report_signature", SnpMachine.Verify(report, _machine.Aux!).Failure?.Step);
    }
}
