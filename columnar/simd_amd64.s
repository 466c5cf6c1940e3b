#include "textflag.h"

// The loops take eight rows at a time: n is a multiple of eight. See simd_amd64.go.

// COMPARECONST is the frame of a loop that compares a column of 64-bit values with Y0. SET8 leaves four rows each in the
// masks Y2 and Y3.
#define COMPARECONST(SET8) \
	MOVQ dst+0(FP), DI \
	MOVQ a+8(FP), SI \
	MOVQ n+16(FP), CX \
	VPBROADCASTQ k+24(FP), Y0 \
	SHRQ $3, CX \
	JZ done \
loop: \
	SET8 \
	VMOVMSKPD Y2, AX \
	VMOVMSKPD Y3, BX \
	SHLL $4, BX \
	ORL BX, AX \
	MOVB AX, (DI) \
	ADDQ $64, SI \
	INCQ DI \
	DECQ CX \
	JNZ loop \
done: \
	VZEROUPPER \
	RET

// COMPARECONST32 is the same for 32-bit values, eight rows in Y2.
#define COMPARECONST32(SET8) \
	MOVQ dst+0(FP), DI \
	MOVQ a+8(FP), SI \
	MOVQ n+16(FP), CX \
	VPBROADCASTD k+24(FP), Y0 \
	SHRQ $3, CX \
	JZ done \
loop: \
	SET8 \
	VMOVMSKPS Y2, AX \
	MOVB AX, (DI) \
	ADDQ $32, SI \
	INCQ DI \
	DECQ CX \
	JNZ loop \
done: \
	VZEROUPPER \
	RET

// COMPARE is the frame of a loop that compares two columns of 64-bit values.
#define COMPARE(SET8) \
	MOVQ dst+0(FP), DI \
	MOVQ a+8(FP), SI \
	MOVQ b+16(FP), DX \
	MOVQ n+24(FP), CX \
	SHRQ $3, CX \
	JZ done \
loop: \
	SET8 \
	VMOVMSKPD Y2, AX \
	VMOVMSKPD Y3, BX \
	SHLL $4, BX \
	ORL BX, AX \
	MOVB AX, (DI) \
	ADDQ $64, SI \
	ADDQ $64, DX \
	INCQ DI \
	DECQ CX \
	JNZ loop \
done: \
	VZEROUPPER \
	RET

// COMBINE is the frame of a loop that makes a column of 64-bit values out of two.
#define COMBINE(SET8) \
	MOVQ dst+0(FP), DI \
	MOVQ a+8(FP), SI \
	MOVQ b+16(FP), DX \
	MOVQ n+24(FP), CX \
	VPXOR Y7, Y7, Y7 \
	SHRQ $3, CX \
	JZ done \
loop: \
	SET8 \
	VMOVUPD Y2, (DI) \
	VMOVUPD Y3, 32(DI) \
	ADDQ $64, SI \
	ADDQ $64, DX \
	ADDQ $64, DI \
	DECQ CX \
	JNZ loop \
done:

#define EQUALS64 \
	VPCMPEQQ (SI), Y0, Y2 \
	VPCMPEQQ 32(SI), Y0, Y3

#define LESS64 \
	VPCMPGTQ (SI), Y0, Y2 \
	VPCMPGTQ 32(SI), Y0, Y3

#define GREATER64 \
	VMOVDQU (SI), Y2 \
	VMOVDQU 32(SI), Y3 \
	VPCMPGTQ Y0, Y2, Y2 \
	VPCMPGTQ Y0, Y3, Y3

#define EQUALS32 \
	VPCMPEQD (SI), Y0, Y2

#define LESS32 \
	VPCMPGTD (SI), Y0, Y2

#define GREATER32 \
	VMOVDQU (SI), Y2 \
	VPCMPGTD Y0, Y2, Y2

// The predicates of doubles: 0x00 equal, 0x1e greater, 0x19 not (greater or equal), which holds for NaN too.
#define EQUALSF \
	VCMPPD $0x00, (SI), Y0, Y2 \
	VCMPPD $0x00, 32(SI), Y0, Y3

#define LESSF \
	VCMPPD $0x1e, (SI), Y0, Y2 \
	VCMPPD $0x1e, 32(SI), Y0, Y3

#define GREATERF \
	VCMPPD $0x19, (SI), Y0, Y2 \
	VCMPPD $0x19, 32(SI), Y0, Y3

#define EQUAL64 \
	VMOVDQU (SI), Y2 \
	VMOVDQU 32(SI), Y3 \
	VPCMPEQQ (DX), Y2, Y2 \
	VPCMPEQQ 32(DX), Y3, Y3

#define BELOW64 \
	VMOVDQU (DX), Y2 \
	VMOVDQU 32(DX), Y3 \
	VPCMPGTQ (SI), Y2, Y2 \
	VPCMPGTQ 32(SI), Y3, Y3

// EQUALDOUBLES: equal, or both NaN (0x03 unordered with itself).
#define EQUALDOUBLES \
	VMOVUPD (SI), Y4 \
	VMOVUPD 32(SI), Y5 \
	VMOVUPD (DX), Y6 \
	VMOVUPD 32(DX), Y7 \
	VCMPPD $0x00, Y6, Y4, Y2 \
	VCMPPD $0x00, Y7, Y5, Y3 \
	VCMPPD $0x03, Y4, Y4, Y4 \
	VCMPPD $0x03, Y5, Y5, Y5 \
	VCMPPD $0x03, Y6, Y6, Y6 \
	VCMPPD $0x03, Y7, Y7, Y7 \
	VANDPD Y6, Y4, Y4 \
	VANDPD Y7, Y5, Y5 \
	VORPD Y4, Y2, Y2 \
	VORPD Y5, Y3, Y3

// BELOWDOUBLES: less, or only the second NaN.
#define BELOWDOUBLES \
	VMOVUPD (SI), Y4 \
	VMOVUPD 32(SI), Y5 \
	VMOVUPD (DX), Y6 \
	VMOVUPD 32(DX), Y7 \
	VCMPPD $0x11, Y6, Y4, Y2 \
	VCMPPD $0x11, Y7, Y5, Y3 \
	VCMPPD $0x07, Y4, Y4, Y4 \
	VCMPPD $0x07, Y5, Y5, Y5 \
	VCMPPD $0x03, Y6, Y6, Y6 \
	VCMPPD $0x03, Y7, Y7, Y7 \
	VANDPD Y6, Y4, Y4 \
	VANDPD Y7, Y5, Y5 \
	VORPD Y4, Y2, Y2 \
	VORPD Y5, Y3, Y3

// ADD64 gathers the overflow of x + y = s, (x ^ s) & (y ^ s), in Y7.
#define ADD64 \
	VMOVDQU (SI), Y4 \
	VMOVDQU 32(SI), Y5 \
	VMOVDQU (DX), Y6 \
	VMOVDQU 32(DX), Y8 \
	VPADDQ Y6, Y4, Y2 \
	VPADDQ Y8, Y5, Y3 \
	VPXOR Y2, Y4, Y4 \
	VPXOR Y2, Y6, Y6 \
	VPXOR Y3, Y5, Y5 \
	VPXOR Y3, Y8, Y8 \
	VPAND Y4, Y6, Y6 \
	VPAND Y5, Y8, Y8 \
	VPOR Y6, Y7, Y7 \
	VPOR Y8, Y7, Y7

// SUB64 gathers the overflow of x - y = s, (x ^ y) & (x ^ s), in Y7.
#define SUB64 \
	VMOVDQU (SI), Y4 \
	VMOVDQU 32(SI), Y5 \
	VMOVDQU (DX), Y6 \
	VMOVDQU 32(DX), Y8 \
	VPSUBQ Y6, Y4, Y2 \
	VPSUBQ Y8, Y5, Y3 \
	VPXOR Y6, Y4, Y6 \
	VPXOR Y8, Y5, Y8 \
	VPXOR Y2, Y4, Y4 \
	VPXOR Y3, Y5, Y5 \
	VPAND Y4, Y6, Y6 \
	VPAND Y5, Y8, Y8 \
	VPOR Y6, Y7, Y7 \
	VPOR Y8, Y7, Y7

#define DOUBLES(OP) \
	VMOVUPD (SI), Y4 \
	VMOVUPD 32(SI), Y5 \
	OP (DX), Y4, Y2 \
	OP 32(DX), Y5, Y3

#define ADDDOUBLES DOUBLES(VADDPD)
#define SUBDOUBLES DOUBLES(VSUBPD)
#define MULDOUBLES DOUBLES(VMULPD)
#define QUODOUBLES DOUBLES(VDIVPD)

// func simdEqualConst64(dst *byte, a *int64, n int, k int64)
TEXT ·simdEqualConst64(SB), NOSPLIT, $0-32
	COMPARECONST(EQUALS64)

// func simdLessConst64(dst *byte, a *int64, n int, k int64)
TEXT ·simdLessConst64(SB), NOSPLIT, $0-32
	COMPARECONST(LESS64)

// func simdGreaterConst64(dst *byte, a *int64, n int, k int64)
TEXT ·simdGreaterConst64(SB), NOSPLIT, $0-32
	COMPARECONST(GREATER64)

// func simdEqualConst32(dst *byte, a *int32, n int, k int32)
TEXT ·simdEqualConst32(SB), NOSPLIT, $0-28
	COMPARECONST32(EQUALS32)

// func simdLessConst32(dst *byte, a *int32, n int, k int32)
TEXT ·simdLessConst32(SB), NOSPLIT, $0-28
	COMPARECONST32(LESS32)

// func simdGreaterConst32(dst *byte, a *int32, n int, k int32)
TEXT ·simdGreaterConst32(SB), NOSPLIT, $0-28
	COMPARECONST32(GREATER32)

// func simdEqualConstDouble(dst *byte, a *float64, n int, k float64)
TEXT ·simdEqualConstDouble(SB), NOSPLIT, $0-32
	COMPARECONST(EQUALSF)

// func simdLessConstDouble(dst *byte, a *float64, n int, k float64)
TEXT ·simdLessConstDouble(SB), NOSPLIT, $0-32
	COMPARECONST(LESSF)

// func simdGreaterConstDouble(dst *byte, a *float64, n int, k float64)
TEXT ·simdGreaterConstDouble(SB), NOSPLIT, $0-32
	COMPARECONST(GREATERF)

// func simdEqual64(dst *byte, a, b *int64, n int)
TEXT ·simdEqual64(SB), NOSPLIT, $0-32
	COMPARE(EQUAL64)

// func simdLess64(dst *byte, a, b *int64, n int)
TEXT ·simdLess64(SB), NOSPLIT, $0-32
	COMPARE(BELOW64)

// func simdEqualDoubles(dst *byte, a, b *float64, n int)
TEXT ·simdEqualDoubles(SB), NOSPLIT, $0-32
	COMPARE(EQUALDOUBLES)

// func simdLessDoubles(dst *byte, a, b *float64, n int)
TEXT ·simdLessDoubles(SB), NOSPLIT, $0-32
	COMPARE(BELOWDOUBLES)

// func simdAdd64(dst, a, b *int64, n int) (overflow bool)
TEXT ·simdAdd64(SB), NOSPLIT, $0-33
	COMBINE(ADD64)
	VMOVMSKPD Y7, AX
	TESTL AX, AX
	SETNE overflow+32(FP)
	VZEROUPPER
	RET

// func simdSub64(dst, a, b *int64, n int) (overflow bool)
TEXT ·simdSub64(SB), NOSPLIT, $0-33
	COMBINE(SUB64)
	VMOVMSKPD Y7, AX
	TESTL AX, AX
	SETNE overflow+32(FP)
	VZEROUPPER
	RET

// MULCONST64 multiplies four bigints of Y4 by the constant in Y0, whose upper half is in Y1 too: of the products of halves the one of the
// lower two counts whole, and of those crosswise what fits. What lies outside of Y9 and Y10 is gathered in Y7.
#define MULCONST64(FROM, TO) \
	VMOVDQU FROM, Y4 \
	VPSRLQ $32, Y4, Y5 \
	VPMULUDQ Y0, Y4, Y2 \
	VPMULUDQ Y0, Y5, Y5 \
	VPMULUDQ Y1, Y4, Y6 \
	VPADDQ Y6, Y5, Y5 \
	VPSLLQ $32, Y5, Y5 \
	VPADDQ Y5, Y2, Y2 \
	VMOVDQU Y2, TO \
	VPCMPGTQ Y4, Y9, Y6 \
	VPCMPGTQ Y10, Y4, Y8 \
	VPOR Y6, Y7, Y7 \
	VPOR Y8, Y7, Y7

// func simdMulConst64(dst, a *int64, n int, c, least, most int64) (overflow bool)
TEXT ·simdMulConst64(SB), NOSPLIT, $0-49
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTQ c+24(FP), Y0
	VPSRLQ $32, Y0, Y1
	VPBROADCASTQ least+32(FP), Y9
	VPBROADCASTQ most+40(FP), Y10
	VPXOR Y7, Y7, Y7
	SHRQ $3, CX
	JZ done
loop:
	MULCONST64((SI), (DI))
	MULCONST64(32(SI), 32(DI))
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop
done:
	VMOVMSKPD Y7, AX
	TESTL AX, AX
	SETNE overflow+48(FP)
	VZEROUPPER
	RET

// func simdAddDoubles(dst, a, b *float64, n int)
TEXT ·simdAddDoubles(SB), NOSPLIT, $0-32
	COMBINE(ADDDOUBLES)
	VZEROUPPER
	RET

// func simdSubDoubles(dst, a, b *float64, n int)
TEXT ·simdSubDoubles(SB), NOSPLIT, $0-32
	COMBINE(SUBDOUBLES)
	VZEROUPPER
	RET

// func simdMulDoubles(dst, a, b *float64, n int)
TEXT ·simdMulDoubles(SB), NOSPLIT, $0-32
	COMBINE(MULDOUBLES)
	VZEROUPPER
	RET

// func simdQuoDoubles(dst, a, b *float64, n int)
TEXT ·simdQuoDoubles(SB), NOSPLIT, $0-32
	COMBINE(QUODOUBLES)
	VZEROUPPER
	RET
