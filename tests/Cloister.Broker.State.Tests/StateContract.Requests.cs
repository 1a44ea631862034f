using Cloister.Broker.State.Requests;

namespace Cloister.Broker.State.Tests;

public abstract partial class StateContract
{
    [Fact]
    public async Task A_request_is_taken_once_by_whatever_broker()
    {
        await using SqlBrokerState other = await OpenAsync(Address);
        PendingAct request = NewRequest("r1");
        await _state.AddRequestAsync(request, Cancellation);
        Assert.Equal(request, await other.FindRequestAsync("r1", Cancellation));
        Assert.Equal(request, Assert.Single(await other.ListRequestsAsync(Cancellation)));

        bool[] taken = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Task.Run(() => (i % 2 == 0 ? _state : other).TakeRequestAsync("r1", Cancellation))));
        Assert.Single(taken, true);
        Assert.Null(await _state.FindRequestAsync("r1", Cancellation));
    }

    [Fact]
    public async Task An_expired_request_is_not_there()
    {
        await _state.AddRequestAsync(NewRequest("r1"), Cancellation);
        _clock.Advance(TimeSpan.FromHours(24));
        Assert.Null(await _state.FindRequestAsync("r1", Cancellation));
        Assert.Empty(await _state.ListRequestsAsync(Cancellation));
        Assert.False(await _state.TakeRequestAsync("r1", Cancellation));
    }

    private PendingAct NewRequest(string id) => new(id, "destroy", "{}", "alice", _clock.GetUtcNow(), _clock.GetUtcNow().AddHours(24));
}
