using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Grpc.Core;

namespace Cloister.Enclave.Tests.Rpc;

public sealed class GrpcStatusTests
{
    [Theory]
    [InlineData(FailureKind.Cancelled, StatusCode.Cancelled)]
    [InlineData(FailureKind.Invalid, StatusCode.InvalidArgument)]
    [InlineData(FailureKind.TimedOut, StatusCode.DeadlineExceeded)]
    [InlineData(FailureKind.NotFound, StatusCode.NotFound)]
    [InlineData(FailureKind.NotAllowed, StatusCode.PermissionDenied)]
    [InlineData(FailureKind.LimitReached, StatusCode.ResourceExhausted)]
    [InlineData(FailureKind.NotReady, StatusCode.FailedPrecondition)]
    [InlineData(FailureKind.NotSupported, StatusCode.Unimplemented)]
    [InlineData(FailureKind.Fault, StatusCode.Internal)]
    [InlineData(FailureKind.Unavailable, StatusCode.Unavailable)]
    [InlineData(FailureKind.Damaged, StatusCode.DataLoss)]
    public void A_failure_has_one_code(FailureKind kind, StatusCode code)
    {
        Assert.Equal((int)code, (int)GrpcStatuses.Of(kind));
        Assert.Equal(code.ToString(), GrpcStatuses.Name(kind));
    }

    [Fact]
    public void No_kind_is_left_out() =>
        Assert.Equal(Enum.GetValues<FailureKind>().Length, Enum.GetValues<FailureKind>().Select(GrpcStatuses.Of).Distinct().Count());
}
