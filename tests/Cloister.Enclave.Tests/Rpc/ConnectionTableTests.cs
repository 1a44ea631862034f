using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;

namespace Cloister.Enclave.Tests.Rpc;

/// <summary>Who gives way: no sockets, no clock.</summary>
public sealed class ConnectionTableTests
{
    private readonly CallCounters _counters = new();
    private readonly List<string> _closed = [];

    [Fact]
    public void Those_that_never_called_give_way_first_then_those_that_called_longest_ago()
    {
        ConnectionTable table = new(4, 1, _counters);
        ConnectionTable.Connection early = Open(table, "early");
        ConnectionTable.Connection late = Open(table, "late");
        Open(table, "silent 1");
        Open(table, "silent 2");
        Call(late);
        Call(early);
        for (int i = 0; i < 3; i++)
        {
            Call(Open(table, $"new {i}"));
        }

        Assert.Equal(["silent 1", "silent 2", "late"], _closed);
        Assert.Equal((3, 0), (_counters.ConnectionsGaveWay, _counters.ConnectionsRefused));
    }

    [Fact]
    public void A_connection_with_a_call_never_gives_way_and_without_another_the_new_one_is_refused()
    {
        ConnectionTable table = new(1, 1, _counters);
        ConnectionTable.Connection busy = Open(table, "busy");
        busy.BeginCall();
        ConnectionTable.Connection next = table.Enter(null, () => _closed.Add("next"));
        Assert.False(next.TryOpen());
        next.Leave();
        Assert.Empty(_closed);
        Assert.Equal((0, 1), (_counters.ConnectionsGaveWay, _counters.ConnectionsRefused));
        busy.EndCall();
        Open(table, "later");
        Assert.Equal(["busy"], _closed);
    }

    // The rest is for the others, busy or not.
    [Fact]
    public void One_user_gets_three_quarters_of_the_places_when_there_are_several()
    {
        ConnectionTable table = new(8, 2, _counters);
        List<ConnectionTable.Connection> greedy = [.. Enumerable.Range(0, 6).Select(i => Open(table, $"greedy {i}", 1))];
        greedy.ForEach(connection => connection.BeginCall());
        ConnectionTable.Connection seventh = table.Enter(1, () => _closed.Add("seventh"));
        Assert.False(seventh.TryOpen());
        seventh.Leave();
        Open(table, "other 1", 2);
        Open(table, "other 2", 2);
        Assert.Empty(_closed);

        greedy[3].EndCall();
        Open(table, "eighth", 1);
        Assert.Equal(["greedy 3"], _closed);
    }

    [Fact]
    public void Who_has_not_begun_pushes_out_nobody_who_has()
    {
        ConnectionTable table = new(256, 1, _counters);
        Open(table, "open");
        ConnectionTable.Connection[] waiting = [.. Enumerable.Range(0, 500).Select(i => table.Enter(null, () => _closed.Add($"waiting {i}")))];
        Assert.Equal(Enumerable.Range(0, 372).Select(i => $"waiting {i}"), _closed);
        Assert.Equal((ConnectionState.Closing, ConnectionState.Waiting), (waiting[371].State, waiting[372].State));
        Assert.False(waiting[0].TryOpen());
        Assert.True(waiting[^1].TryOpen());
        Assert.DoesNotContain("open", _closed);
    }

    [Fact]
    public void Of_those_that_have_not_begun_the_user_with_most_gives_way()
    {
        ConnectionTable table = new(32, 2, _counters);
        ConnectionTable.Connection modest = table.Enter(7, () => _closed.Add("modest"));
        for (int i = 0; i < 100; i++)
        {
            table.Enter(8, () => _closed.Add("flood"));
        }

        Assert.True(modest.TryOpen());
        Assert.DoesNotContain("modest", _closed);
    }

    // What was told to close and does not is not endless: no more are accepted until it does.
    [Fact]
    public void Connections_that_do_not_close_clog_the_table_until_they_do()
    {
        ConnectionTable table = new(32, 1, _counters);
        List<ConnectionTable.Connection> all = [.. Enumerable.Range(0, 16).Select(_ => table.Enter(null, () => { }))];
        Assert.False(table.IsClogged);
        all.AddRange(Enumerable.Range(0, 100).Select(_ => table.Enter(null, () => { })));
        Assert.True(table.IsClogged);
        all.ForEach(connection => connection.Leave());
        Assert.False(table.IsClogged);
    }

    [Fact]
    public void A_connection_whose_requests_are_given_up_again_and_again_is_closed()
    {
        ConnectionTable table = new(4, 1, _counters);
        ConnectionTable.Connection bad = Open(table, "bad");
        Open(table, "good").Lose();
        for (int i = 0; i < 20; i++)
        {
            bad.Lose();
        }

        Assert.Equal(["bad"], _closed);
    }

    private static void Call(ConnectionTable.Connection connection)
    {
        connection.BeginCall();
        connection.EndCall();
    }

    private ConnectionTable.Connection Open(ConnectionTable table, string name, uint? uid = null)
    {
        ConnectionTable.Connection connection = table.Enter(uid, () => _closed.Add(name));
        Assert.True(connection.TryOpen());
        return connection;
    }
}
