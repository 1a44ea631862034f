using Cloister.Enclave.Broker;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vm;
using Cloister.Tee.Tests.Support;

namespace Cloister.Tee.Tests.Vm;

/// <summary>configfs-tsm: an entry of its own, generations, and what the kernel or somebody else may do in between.</summary>
public sealed class TsmReportsTests
{
    private readonly TdxMachine _machine = new();
    private readonly ITee _tee;

    public TsmReportsTests()
    {
        _tee = Sample.Found(_machine);
    }

    [Fact]
    public async Task Every_report_has_an_entry_of_its_own_that_is_removed()
    {
        List<string> names = [];
        _machine.Prepare = names.Add;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Sample.EvidenceAsync(_tee, "quote", Sample.Binding((byte)i))));
        Assert.Equal(16, names.Distinct().Count());
        Assert.All(names, name => Assert.StartsWith(TsmReports.Folder + "/cloister-", name, StringComparison.Ordinal));
        Assert.Empty(_machine.Entries);
    }

    [Fact]
    public async Task Somebody_who_writes_in_between_is_noticed_and_a_new_report_made()
    {
        _machine.Intruders = 2;
        await Sample.EvidenceAsync(_tee, "quote");
        Assert.Equal(3, _machine.Made);
        Assert.Empty(_machine.Entries);
    }

    [Theory]
    [InlineData("inblob", "write")]
    [InlineData("outblob", "read")]
    [InlineData("outblob", "open")]
    [InlineData("generation", "read")]
    [InlineData("auxblob", "open")]
    public async Task Busy_is_tried_again(string file, string call)
    {
        _machine.Aux = [];
        int times = 3;
        _machine.Prepare = entry =>
        {
            if (times-- > 0)
            {
                _machine[$"{entry}/{file}"].Fail(call, Errno.Busy);
            }
        };
        await Sample.EvidenceAsync(_tee, "quote");
        Assert.Equal(4, _machine.Made);
        Assert.Empty(_machine.Entries);
    }

    [Fact]
    public async Task Interrupted_calls_are_made_again_within_the_same_entry()
    {
        _machine.Prepare = entry =>
        {
            _machine[entry + "/inblob"].Fail("write", Errno.Interrupted, 3);
            _machine[entry + "/outblob"].Fail("read", Errno.Interrupted, 3);
        };
        await Sample.EvidenceAsync(_tee, "quote");
        Assert.Equal(1, _machine.Made);
    }

    public static TheoryData<string, BrokerFailure, string> Lies => new()
    {
        { "wrong provider", BrokerFailure.Refused, "'sev_guest' and 'tdx_guest' was expected" },
        { "no provider", BrokerFailure.Refused, "modprobe tdx-guest" },
        { "unmounted", BrokerFailure.Refused, "mount configfs" },
        { "module gone", BrokerFailure.Refused, "modprobe tdx-guest" },
        { "read-only", BrokerFailure.Refused, "ReadWritePaths" },
        { "permission", BrokerFailure.Refused, "run the enclave as root" },
        { "busy", BrokerFailure.Unavailable, "busy" },
        { "intruders", BrokerFailure.Unavailable, "written to by somebody else" },
        { "write lost", BrokerFailure.Unavailable, "did not take what was written" },
        { "stale generation", BrokerFailure.Unavailable, "did not take what was written" },
        { "generation is no number", BrokerFailure.Refused, "is no number" },
        { "takes less", BrokerFailure.Refused, "took 16 of 64 bytes" },
        { "quoting service away", BrokerFailure.Unavailable, "QGS" },
        { "timed out", BrokerFailure.Unavailable, "QGS" },
        { "empty", BrokerFailure.Refused, "no TDX quote" },
        { "garbage", BrokerFailure.Refused, "no TDX quote" },
        { "endless", BrokerFailure.Refused, "more than" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_lie_is_refused_and_the_entry_removed(string lie, BrokerFailure failure, string words)
    {
        switch (lie)
        {
            case "wrong provider": _machine.Provider = "sev_guest"; break;
            case "no provider": _machine.Prepare = entry => _machine.Nodes.Remove(entry + "/provider"); break;
            case "unmounted": _machine.Folders.Clear(); break;
            case "module gone": _machine.Prepare = entry => _machine[entry + "/outblob"].Fail("read", Errno.NotThisControl, 1000); break;
            case "read-only": _machine.Prepare = entry => _machine[entry + "/inblob"].Fail("open", Errno.ReadOnly, 1000); break;
            case "permission": _machine.Prepare = entry => _machine[entry + "/inblob"].Fail("open", Errno.NoAccess, 1000); break;
            case "busy": _machine.Prepare = entry => _machine[entry + "/outblob"].Fail("read", Errno.Busy, 1000); break;
            case "intruders": _machine.Intruders = 1000; break;
            case "write lost": _machine.LosesWrites = true; break;
            case "stale generation": _machine.Prepare = entry => _machine[entry + "/generation"].OnRead = () => "5\n"u8.ToArray(); break;
            case "generation is no number": _machine.Prepare = entry => _machine[entry + "/generation"].OnRead = () => "-1\n"u8.ToArray(); break;
            case "takes less": _machine.Prepare = entry => _machine[entry + "/inblob"].Taken = 16; break;
            case "quoting service away": _machine.Prepare = entry => _machine[entry + "/outblob"].Fail("read", Errno.InputOutput, 1000); break;
            case "timed out": _machine.Prepare = entry => _machine[entry + "/outblob"].Fail("read", Errno.TimedOut, 1000); break;
            case "empty": _machine.Out = _ => []; break;
            case "garbage": _machine.Out = _ => Sample.Bytes(5000, 0xA5); break;
            case "endless": _machine.Out = _ => new byte[1_000_000]; break;
            default: Assert.Fail(lie); break;
        }

        BrokerException refusal = await Sample.RefusedAsync(_tee);
        Assert.Equal(failure, refusal.Failure);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_machine.Entries);
    }
}
