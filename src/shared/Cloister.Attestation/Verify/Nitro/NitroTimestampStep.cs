namespace Cloister.Attestation.Verify.Nitro;

/// <summary>The document was made shortly before the moment of verification: not in the future, not longer ago than the limit.</summary>
internal sealed class NitroTimestampStep() : VerificationStep<NitroVerification>("timestamp", "AWS Nitro Enclaves, Attestation process, 3.2.2.2")
{
    private static readonly ulong LastMillisecond = (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    public override StepFailure? Check(NitroVerification context)
    {
        ulong milliseconds = context.Document.TimestampMilliseconds;
        if (milliseconds == 0 || milliseconds > LastMillisecond)
        {
            return Fail("out_of_range", "the timestamp is not a moment between 1970 and 9999");
        }

        context.MadeAt = DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
        TimeSpan age = context.Time.Value - context.MadeAt;
        if (age < -context.Limits.ClockSkew)
        {
            return Fail("in_the_future", $"the document is of {context.MadeAt:u}, judged at {context.Time}");
        }

        return age > context.Limits.MaximumAge
            ? Fail("too_old", $"the document is of {context.MadeAt:u}, judged at {context.Time}; at most {context.Limits.MaximumAge} are allowed")
            : null;
    }
}
