using Cloister.Broker.State.Collateral;

namespace Cloister.Broker.State.Tests;

/// <summary>Floors of collateral.</summary>
public abstract partial class StateContract
{
    [Fact]
    public async Task A_floor_only_rises_and_outlives_the_process()
    {
        TcbFloor first = new("root/sgx/00A067110000", 17, 16);
        Assert.Equal(first, await _state.RaiseTcbFloorAsync(first, Cancellation));
        Assert.Equal(first, await _state.RaiseTcbFloorAsync(first, Cancellation));
        Assert.Equal(first with { QeIdentity = 17 }, await _state.RaiseTcbFloorAsync(first with { QeIdentity = 17 }, Cancellation));
        TcbFloor kept = first with { QeIdentity = 17 };

        // One is higher and the other lower: neither is taken.
        Assert.Equal(kept, await _state.RaiseTcbFloorAsync(kept with { TcbInfo = 18, QeIdentity = 16 }, Cancellation));
        Assert.Equal(kept, await _state.RaiseTcbFloorAsync(kept with { TcbInfo = 16 }, Cancellation));
        Assert.Equal(new TcbFloor("root/tdx/00A067110000", 1, 1), await _state.RaiseTcbFloorAsync(new TcbFloor("root/tdx/00A067110000", 1, 1), Cancellation));
        await _state.DisposeAsync();
        _state = await OpenAsync(Address);
        Assert.Equal(kept, await _state.RaiseTcbFloorAsync(first, Cancellation));
    }

    [Fact]
    public async Task What_another_broker_saw_counts_at_once()
    {
        TcbFloor floor = new("root/sgx/00A067110000", 17, 17);
        await _state.RaiseTcbFloorAsync(floor, Cancellation);
        await using SqlBrokerState other = await OpenAsync(Address);
        await other.RaiseTcbFloorAsync(floor with { TcbInfo = 18 }, Cancellation);
        Assert.Equal(18, (await _state.RaiseTcbFloorAsync(floor, Cancellation)).TcbInfo);
    }

    [Theory]
    [InlineData("UPDATE TcbFloors SET TcbInfo = 1")]
    [InlineData("UPDATE TcbFloors SET QeIdentity = 1")]
    [InlineData("DELETE FROM TcbFloors")]
    public async Task A_floor_that_somebody_lowered_is_not_used(string sql)
    {
        TcbFloor floor = new("root/sgx/00A067110000", 17, 17);
        await _state.RaiseTcbFloorAsync(floor, Cancellation);
        await using SqlBrokerState other = await OpenAsync(Address);
        await ExecuteAsync(sql);
        await NotAuthenticAsync(() => other.RaiseTcbFloorAsync(floor with { TcbInfo = 16 }, Cancellation));
        await NotAuthenticAsync(() => other.RaiseTcbFloorAsync(floor with { TcbInfo = 18 }, Cancellation));
        Assert.Equal(1, await other.CheckRowsAsync(Cancellation));
    }
}
