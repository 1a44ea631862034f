namespace Cloister.Broker.State.Collateral;

/// <summary>The highest tcbEvaluationDataNumbers that brokers of this database saw of a platform model. secrets: none.</summary>
/// <param name="Model">Root, TEE and FMSPC.</param>
/// <param name="TcbInfo">Of TCB info.</param>
/// <param name="QeIdentity">Of the QE identity.</param>
public sealed record TcbFloor(string Model, int TcbInfo, int QeIdentity);

/// <summary>Floors of collateral: they only rise, and outlive brokers. Rows that decide: one that no broker made is an error. secrets: none.</summary>
public interface ITcbFloors
{
    /// <summary>Raises a floor. When one of its numbers is lower than what is kept, nothing changes.</summary>
    /// <returns>What is kept now.</returns>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotAuthentic"/>, among others.</exception>
    Task<TcbFloor> RaiseTcbFloorAsync(TcbFloor floor, CancellationToken cancellation);
}
